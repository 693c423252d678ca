"""The gate on real topics, with an arm that follows."""

import shutil
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from action_msgs.msg import GoalStatus, GoalStatusArray
from drift_config.errors import ConfigError
from drift_control.gate.in_charge import REST_S
from drift_control.gate.state import CommandSource, Reason, State
from drift_control.teleop.panel import NEW_FILE
from drift_interfaces.action import Home
from drift_interfaces.msg import PolicyState
from drift_ros import qos
from drift_ros.diagnostics import OK, WARN
from drift_ros.gate_messages import to_joint_state, to_joy_message
from drift_ros.publisher_names import PublisherNames
from drift_sim.ros.trajectory_message import from_message
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController
from expert_gate_node.ros.grippers import DRIVERS
from expert_gate_node.ros.grippers.forward_position import ForwardPosition
from expert_gate_node.ros.node import ExpertGateNode
from rclpy import subscription
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_action_status_default
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

# Do messages say who has sent them? Those of Jazzy's rclpy do not, and it has no name for what is said.
SIGNED = hasattr(subscription, "MessageInfo")
TWO_OF_THE_SAME = "2 publishers of /joint_states, of the same joints or silent; messages do not say whose"


def largest_step_rad(commands):
    return np.abs(np.diff(commands, axis=0)).max(axis=0)


def test_the_gate_starts_held_and_silent_and_sends_the_measured_pose_once_it_is_armed(stage):
    world = stage.start().world
    assert (world.state.state, world.state.reason) == (State.HOLD, Reason.NOT_ARMED)
    world.q = np.zeros(7)  # a driver that has not heard of its arm yet
    stage.spin_for(0.3)
    world.q = world.robot.home + 0.01
    stage.spin(lambda: world.steps and np.allclose(world.steps[-1].measured[:7], world.q), "true pose")
    assert stage.sent == [] and world.commands == []
    stage.armed().spin(lambda: len(world.commands) > 5, "commands")
    assert np.allclose(stage.sent, world.robot.home + 0.01)
    assert list(world.openings[-1].data) == pytest.approx([0.02, 0.02])  # of each finger


def test_an_arm_button_that_is_held_does_not_undo_a_stop(stage):
    world = stage.start().armed().world
    world.push(enabled=False, pressed=frozenset({"arm"}))
    stage.spin_for(0.3)
    assert stage.call(world.stop).success
    stage.spin_for(0.5)
    assert not world.state.armed


def test_without_joint_states_nothing_is_sent_and_arming_is_refused(stage):
    stage.world.alive = False
    stage.start()
    answer = stage.call(stage.world.arm)
    assert not answer.success and "joint" in answer.message
    stage.spin(lambda: len(stage.world.steps) > 3, "steps")
    assert stage.world.commands == [] and len(stage.world.steps[-1].commanded) == 0
    assert stage.gate._report().message.startswith("HOLD: all joints: never received")
    said = "no state of all joints has arrived yet; all joints: never received"
    assert answer.message == stage.world.state.text == said


def test_before_anybody_arms_the_gate_says_what_is_missing_and_a_silent_joystick(stage):
    stage.start().sees_the_arm()
    stage.spin(lambda: stage.gate._report().level == OK, "a gate that lacks nothing")
    stage.world.destroy_subscription(stage.world.listener)
    stage.world.create_publisher(Joy, "console/joy", qos.JOY)
    stage.spin(
        lambda: "console/joy: a driver is there" in stage.gate._report().message, "word of the joystick"
    )
    stage.spin(lambda: "nobody listens to /command" in stage.gate._report().message, "word of the controller")
    assert stage.gate._report().level == WARN


def test_beside_another_publisher_of_commands_the_gate_neither_arms_nor_homes(stage):
    rival = stage.world.create_publisher(Float64MultiArray, "command", qos.COMMAND)
    stage.start()
    stage.spin(lambda: stage.gate.count_publishers("command") == 2, "discovery of the rival")
    answer = stage.call(stage.world.arm)
    assert not answer.success and "another publisher commands this arm" in answer.message
    assert stage.run_home().error_code == Home.Result.REFUSED
    stage.world.push(enabled=False)
    stage.spin_for(0.2)
    stage.world.push(enabled=False, pressed=frozenset({"arm"}))
    stage.spin_for(0.3)
    assert not stage.world.state.armed
    stage.world.destroy_publisher(rival)
    stage.spin(lambda: stage.gate.count_publishers("command") == 1, "end of the rival")
    assert stage.call(stage.world.arm).success


def test_a_gripper_with_slow_messages_of_its_own_does_not_age_the_arm_and_is_named_when_it_ends(
    stage, patient_robot
):
    world = stage.world
    world.finger_rate_hz = 5.0
    stage.start(robot_file=str(patient_robot)).armed()
    world.push((0.05, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    stage.spin_for(0.6)
    recent = world.steps[-20:]
    assert world.state.state == State.EXPERT
    # a new pose at nearly every tick on an idle machine; an arm as old as its fingers would have 2 or 3
    assert len({tuple(step.measured[:7]) for step in recent}) > 4
    world.finger_rate_hz = 0.0
    stage.spin(lambda: world.state.reason == Reason.JOINTS_STALE, "hold")
    assert "finger_joint1, finger_joint2: nothing for 2" in world.state.text
    assert "panda" not in world.state.text


def words(text, said):
    """Return `said` and the words behind it, nothing if a text does not say it."""
    return {said, *text.split(said)[1].split(" ")} if said in text else set()


def test_the_same_joint_from_two_nodes_is_refused_at_arming_and_a_fault_later_naming_both(stage):
    world = stage.start().sees_the_arm().world
    other = stage.neighbour("echo")
    echo = other.create_publisher(JointState, "joint_states", qos.JOINT_STATES)

    def speak():
        echo.publish(
            to_joint_state(world.robot.config.joint_names, world.q, other.get_clock().now().to_msg())
        )

    talking = other.create_timer(0.01, speak)
    if not SIGNED:
        stage.spin(stage.gate._joint_topics.objection, "the second")
        assert stage.call(world.arm).message == TWO_OF_THE_SAME
        return
    said = "two publishers of panda_joint1, panda_joint2, panda_joint3 and 4 more: "
    stage.spin(lambda: {said, "/world", "/echo"} <= words(world.state.text, said), "word of it")
    assert not stage.call(world.arm).success
    talking.cancel()
    stage.spin(lambda: world.state.text == "not armed" or stage.call(world.arm).success, "arming")
    talking.reset()
    stage.spin(lambda: world.state.state == State.FAULT, "fault")
    assert world.state.reason == Reason.TWO_PUBLISHERS and "/echo" in world.state.text


def test_joint_states_of_joint_state_publisher_are_not_believed(stage):
    world = stage.world
    world.alive = False
    other = stage.neighbour("joint_state_publisher")
    publisher = other.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
    names = [*world.robot.config.joint_names, *world.robot.config.gripper.joints]

    def speak():
        at_home = np.append(world.robot.home, (0.02, 0.02))
        publisher.publish(to_joint_state(names, at_home, other.get_clock().now().to_msg()))

    other.create_timer(0.01, speak)
    stage.start()
    if SIGNED:
        stage.spin(lambda: "/joint_state_publisher, which gives old" in world.state.text, "word of it")
    else:  # it is noticed beside the driver, although that is silent
        stage.spin(lambda: stage.call(world.arm).message == TWO_OF_THE_SAME, TWO_OF_THE_SAME)
    assert not stage.call(world.arm).success


def test_the_person_takes_over_within_two_ticks_of_the_message_and_without_a_jump(stage):
    stage.start().armed()
    world = stage.world
    joys = stage.gate._devices._topics[0]
    taken_at, take = [], joys._take

    def on_joy(joy):
        if world.joystick.command(joy).enabled:
            taken_at.append(stage.gate._tick.seq)
        take(joy)

    joys._take = on_joy
    world.push((0.1, 0.0, 0.0))
    stage.spin(lambda: world.steps[-1].source == CommandSource.EXPERT, "take-over")
    first = next(step.seq for step in world.steps if step.source == CommandSource.EXPERT)
    assert 1 <= first - taken_at[0] <= 2
    stage.spin_for(0.5)
    assert world.state.state == State.EXPERT and world.state.intervention_id == 1
    limit_rad = world.robot.velocity * 0.02
    assert (largest_step_rad(stage.sent) <= limit_rad + 1e-9).all()
    moved = world.robot.forward(world.commands[-1]).position - world.robot.forward(world.robot.home).position
    assert moved[0] > 0.01 and abs(moved[1]) < 0.005


def test_steps_are_numbered_without_gaps_and_due_one_period_after_the_last(stage):
    stage.start().armed()
    stage.spin_for(0.5)
    steps = stage.world.steps
    assert np.diff([step.seq for step in steps]).tolist() == [1] * (len(steps) - 1)
    assert len(steps[-1].action) == 10 and len(steps[-1].measured) == 8
    assert steps[-1].header.frame_id == "panda_link0"


def test_release_voids_older_chunks_and_a_chunk_of_the_new_epoch_drives(stage):
    world = stage.start().armed().world
    world.push((0.05, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    epoch = world.state.epoch
    world.push(enabled=False)
    stage.spin(lambda: world.state.epoch == epoch + 1, "new epoch")
    assert (world.state.state, world.state.reason) == (State.HOLD, Reason.WAITING_FOR_CHUNK)
    world.send_chunk(8, epoch, offset_rad=0.1)  # of the old epoch
    stage.spin_for(0.2)
    assert world.state.state == State.HOLD

    def policy_drives():
        world.send_chunk(9, epoch + 1, offset_rad=0.1)
        return world.state.state == State.POLICY

    stage.spin(policy_drives, "policy")
    stage.spin(lambda: world.steps[-1].source == CommandSource.POLICY, "step of the policy")
    step = world.steps[-1]
    assert (step.chunk_id, step.policy_version, step.intervention_id) == (9, 5, 1)
    assert 0.0 <= step.chunk_age_s < 1.0


def test_a_chunk_that_comes_while_a_person_drives_is_told_and_goes_to_no_planner(stage, monkeypatch):
    world, asked = stage.start(check_chunks=True).armed().world, []
    monkeypatch.setattr(stage.gate._planner, "check", lambda msg, start, now_s: asked.append(msg.id))
    world.push((0.05, 0.0, 0.0))
    stage.spin(lambda: world.steps and world.steps[-1].source == CommandSource.EXPERT, "take-over")
    world.send_chunk(8, world.state.epoch)
    stage.spin(lambda: world.steps[-1].proposed_chunk_id == 8, "word of what the policy wants")
    step = world.steps[-1]
    assert (step.source, step.chunk_id, len(step.proposed), asked) == (CommandSource.EXPERT, 0, 8, [])


def test_a_policy_that_is_surprised_has_a_person_asked_for_and_drives_on(stage):
    world = stage.start(help_future_error=1.5).armed().world
    policy = stage.neighbour("policy").create_publisher(PolicyState, "policy/state", qos.LATCHED)
    epoch, number = world.state.epoch, 0

    def driving_on(states):
        nonlocal number
        number += 1
        world.send_chunk(number, epoch)
        policy.publish(PolicyState(future_error=1.75))
        text = "1.5 from what the policy foresaw; help wanted"
        return any(text in told.text and (told.state, told.epoch) == (State.POLICY, epoch) for told in states)

    stage.spin(lambda: driving_on(world.states), "a request for help")
    count = len(world.states)
    stage.spin(lambda: driving_on(world.states[count:]), "a policy that drives on")


def test_silent_joint_states_hold_the_arm_and_it_recovers(stage):
    world = stage.start(joint_state_timeout_s=0.2).armed().world
    world.push((0.05, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    world.alive = False
    silent_s = time.monotonic()
    stage.spin(lambda: world.state.reason == Reason.JOINTS_STALE, "hold", limit_s=1.0)
    assert 0.1 < time.monotonic() - silent_s < 0.6
    assert world.state.state == State.HOLD
    stage.spin_for(0.3)
    assert np.array_equal(stage.sent[-1], stage.sent[-2])
    world.alive = True
    stage.spin(lambda: world.state.reason == Reason.WAITING_FOR_CHUNK, "recovery")


def test_a_protective_stop_latches_a_fault_until_the_arm_is_ready_and_armed_again(stage):
    world = stage.world
    world.arm_state = (True, False)
    stage.start().armed()
    world.push((0.05, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    world.arm_state = (False, True)
    stage.spin(lambda: world.state.state == State.FAULT, "fault")
    assert world.state.reason == Reason.PROTECTIVE_STOP
    assert world.state.text.startswith("the arm reports a protective stop; joy: enable does nothing in FAULT")
    refused = stage.call(world.arm)
    assert not refused.success and "the arm reports a protective stop" in refused.message
    world.push(enabled=False)
    world.arm_state = (True, False)
    stage.spin_for(0.3)
    assert world.state.state == State.FAULT  # nothing goes on by itself
    assert stage.call(world.arm).success


def test_an_arm_that_has_spoken_once_and_falls_silent_is_a_fault(stage):
    world = stage.world
    world.arm_state = (True, False)
    stage.start().armed()
    world.arm_state = None
    stage.spin(lambda: world.state.state == State.FAULT, "fault", limit_s=4.0)
    assert world.state.reason == Reason.ARM_STATE_STALE
    assert world.state.text.startswith("the arm's state is 1.0")


def test_the_stop_service_stops_and_disarms(stage):
    world = stage.start().armed().world
    world.push((0.1, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    answer = stage.call(world.stop)
    assert answer.success and "stop" in answer.message
    stage.spin(lambda: not world.state.armed, "disarming")
    stage.spin_for(0.5)
    assert (world.state.state, world.state.reason) == (State.HOLD, Reason.STOP_REQUESTED)
    assert np.array_equal(stage.sent[-1], stage.sent[-2])


def test_homing_moves_the_arm_home_and_leaves_it_unarmed(stage):
    stage.world.q = stage.world.robot.home + np.array([0.2, 0, 0, 0, 0, 0, 0])
    stage.start().sees_the_arm()
    result = stage.run_home()
    assert result.error_code == Home.Result.NONE
    assert np.allclose(stage.world.q, stage.world.robot.home, atol=0.01)
    assert (largest_step_rad(stage.sent) <= stage.world.robot.velocity * 0.02 + 1e-9).all()
    assert not stage.world.state.armed
    assert stage.run_home().error_code == Home.Result.NONE  # once more, from home


def test_homing_without_joint_states_is_refused_and_a_stop_interrupts_it(stage):
    stage.world.alive = False
    stage.start()
    refused = stage.run_home()
    assert refused.error_code == Home.Result.REFUSED and "joint" in refused.error_msg
    stage.world.q = stage.world.robot.home + np.array([1.0, 0, 0, 0, 0, 0, 0])
    stage.world.alive = True
    stage.sees_the_arm()
    goal = stage.world.home.send_goal_async(Home.Goal())
    stage.spin(lambda: stage.world.state.state == State.HOMING, "homing")
    stage.call(stage.world.stop)
    result = goal.result().get_result_async()
    stage.spin(result.done, "end of homing")
    assert result.result().result.error_code == Home.Result.INTERRUPTED


def test_homing_can_be_cancelled(stage):
    stage.world.q = stage.world.robot.home + np.array([1.0, 0, 0, 0, 0, 0, 0])
    stage.start().sees_the_arm()
    stage.spin(stage.world.home.server_is_ready, "action server")
    goal = stage.world.home.send_goal_async(Home.Goal())
    stage.spin(lambda: stage.world.state.state == State.HOMING, "homing")
    cancelled, result = goal.result().cancel_goal_async(), goal.result().get_result_async()
    stage.spin(lambda: cancelled.done() and result.done(), "cancellation")
    assert result.result().result.error_msg == "homing cancelled"
    assert stage.world.state.state == State.HOLD


def test_in_a_dry_run_nothing_is_published_on_the_arms_topics(stage):
    stage.start(dry_run=True).armed()
    stage.spin(lambda: len(stage.world.previews) > 3, "preview")
    assert stage.world.commands == [] and stage.world.openings == []
    assert stage.world.count_publishers("command") == stage.world.count_publishers("gripper_command") == 0
    assert stage.world.state.dry_run


def test_an_exception_in_the_loop_ends_in_a_reported_hold(stage, monkeypatch):
    world = stage.start().armed().world
    world.push((0.2, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    stage.spin_for(0.4)
    monkeypatch.setattr(stage.gate._loop, "tick", lambda *args: 1 / 0)
    before = len(stage.sent) - 3
    stage.spin(lambda: world.state.state == State.FAULT, "fault", limit_s=2.0)
    assert "ZeroDivisionError: division by zero" in world.state.text
    stage.spin_for(0.5)
    commands = np.array(stage.sent[before:])
    assert (largest_step_rad(commands) <= world.robot.velocity * 0.02 + 1e-9).all()
    changes_rad_s2 = np.abs(np.diff(commands, n=2, axis=0)).max() / 0.02**2
    assert changes_rad_s2 < 1.5 * world.robot.acceleration.max()  # braked, not stopped dead
    assert np.array_equal(commands[-1], commands[-2])
    answer = stage.call(world.arm)
    assert not answer.success and "restart the gate" in answer.message


def test_after_an_exception_the_arm_is_braked_without_its_gripper_and_then_let_go(stage, monkeypatch):
    world = stage.start().armed().world
    world.push((0.2, 0.0, 0.0))
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    stage.spin_for(0.4)
    monkeypatch.setattr(stage.gate._out._gripper, "command", lambda *args: 1 / 0)
    stage.spin(lambda: world.state.state == State.FAULT, "fault", limit_s=2.0)
    assert "ZeroDivisionError" in world.state.text
    stage.spin(lambda: np.array_equal(stage.sent[-1], stage.sent[-2]), "standstill", limit_s=2.0)
    stage.spin_for(REST_S + 0.1)
    sent = len(stage.sent)
    stage.spin_for(0.3)  # who frees the arm and moves it is not pulled back
    assert len(stage.sent) == sent and world.state.state == State.FAULT


def test_after_a_pause_the_timer_does_not_catch_up_in_a_burst(stage):
    stage.start()
    stage.spin(lambda: len(stage.world.steps) > 5, "steps")
    before = stage.gate._pulse.ticks
    time.sleep(0.4)  # 20 periods without an executor
    end_s = time.monotonic() + 0.1
    while time.monotonic() < end_s:
        stage.executor.spin_once(timeout_sec=0.01)
    assert stage.gate._pulse.ticks - before <= 8  # one late tick and those of 0.1 s, not 20 more
    assert stage.gate._pulse.late >= 1


def test_each_mark_on_the_joystick_reaches_the_trainer_once(stage):
    world = stage.start().armed().world
    services = {"success": "mark_success", "failure": "mark_failure",
                "start": "start_episode", "end": "end_episode"}  # fmt: skip
    for button in services:
        before = len(world.marked)
        world.push(enabled=False, pressed=frozenset({button}))
        stage.spin(lambda before=before: len(world.marked) > before, "mark")
        stage.spin_for(0.3)  # the button stays down
    assert world.marked == list(services.values())


def test_a_mark_that_the_trainer_refuses_is_said_with_its_reason(stage, capfd):
    world = stage.start().armed().world
    world.mark_refusal = "no episode is running"
    world.push(enabled=False, pressed=frozenset({"success"}))
    said, text = [], "mark 'success' is lost: trainer/mark_success refused: no episode is running"
    stage.spin(lambda: said.append(capfd.readouterr().err) or text in "".join(said), "warning")


def trajectories_of(stage, tmp_path, topic="command"):
    """Start the gate for a trajectory controller; return its file and what such a controller gets."""
    shutil.copytree(stage.config_folder, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "robots" / "panda.yaml"
    text = (stage.config_folder / "robots" / "panda.yaml").read_text()
    file.write_text(text.replace("interface: forward_position", "interface: joint_trajectory"))
    got = []
    stage.world.destroy_subscription(stage.world.listener)
    stage.world.create_subscription(JointTrajectory, topic, got.append, qos.COMMAND)
    return str(file), got


def test_a_trajectory_controller_gets_where_it_is_now_first_and_rest_last(stage, tmp_path):
    file, got = trajectories_of(stage, tmp_path)
    stage.start(robot_file=file).armed()
    stage.spin(lambda: got, "trajectory")
    names = list(stage.world.robot.config.joint_names)
    assert list(got[-1].joint_names) == names and got[-1].header.stamp.sec == 0
    due_s = [point.time_from_start.sec + point.time_from_start.nanosec * 1e-9 for point in got[-1].points]
    assert due_s == pytest.approx([0.0, 0.02, 0.04, 0.06])
    assert [list(point.velocities) for point in got[-1].points] == [[0.0] * 7] * 4
    assert JointTrajectoryController(names, 0.01).accept(from_message(got[-1]), 0.0) == ""


def test_beside_a_goal_of_the_trajectory_controllers_action_the_gate_does_not_arm(stage, tmp_path):
    file, _ = trajectories_of(stage, tmp_path, "arm_controller/joint_trajectory")
    status = "arm_controller/follow_joint_trajectory/_action/status"
    goals = stage.world.create_publisher(GoalStatusArray, status, qos_profile_action_status_default)

    def tell(state):
        goals.publish(GoalStatusArray(status_list=[GoalStatus(status=state)]))
        stage.spin_for(0.3)
        return stage.call(stage.world.arm)

    stage.start(("command", "arm_controller/joint_trajectory"), robot_file=file).sees_the_arm()
    answer = tell(GoalStatus.STATUS_EXECUTING)
    assert not answer.success
    assert answer.message.startswith("a goal of /arm_controller/follow_joint_trajectory is under way")
    assert tell(GoalStatus.STATUS_SUCCEEDED).success


def test_where_nobody_listens_the_gate_neither_arms_nor_homes_and_says_what_to_do(stage):
    stage.world.destroy_subscription(stage.world.listener)
    stage.start().sees_the_arm()
    answer = stage.call(stage.world.arm)
    assert not answer.success
    assert answer.message.startswith("nobody listens to /command: load and activate the arm's controller")
    assert stage.run_home().error_code == Home.Result.REFUSED
    stage.world.create_subscription(Float64MultiArray, "command", stage.world._on_command, qos.COMMAND)
    stage.spin(lambda: stage.gate.count_subscribers("command"), "controller")
    assert stage.call(stage.world.arm).success


def test_a_controller_with_its_joints_in_another_order_is_not_armed(stage):
    names = list(stage.world.robot.config.joint_names)
    controller = Node("arm_controller")
    stage.executor.add_node(controller)
    controller.declare_parameter("joints", names[::-1])
    stage.world.create_subscription(Float64MultiArray, "arm_controller/commands", print, qos.COMMAND)
    stage.start(("command", "arm_controller/commands")).sees_the_arm()
    told = stage.gate._out.controller
    stage.spin(lambda: told.objection().startswith("the joints of"), "answer of the controller")
    answer = stage.call(stage.world.arm)
    assert not answer.success and answer.message.endswith(f"must be {names}")
    controller.set_parameters([Parameter("joints", value=names)])
    stage.spin(lambda: not told.objection(), "the other order")
    assert stage.call(stage.world.arm).success
    stage.executor.remove_node(controller)
    controller.destroy_node()


def activity(**controllers):
    """Return what controller_manager_msgs/ControllerManagerActivity says."""
    states = [SimpleNamespace(name=k, state=SimpleNamespace(label=v)) for k, v in controllers.items()]
    return SimpleNamespace(controllers=states, hardware_components=[])


def test_a_controller_that_is_deactivated_is_a_fault_though_it_comes_back_within_a_tick(stage):
    stage.world.create_subscription(Float64MultiArray, "arm_controller/commands", print, qos.COMMAND)
    world = stage.start(("command", "arm_controller/commands")).sees_the_arm().world
    told = stage.gate._out.controller
    stage.spin(lambda: not told.objection(), "controller")
    told._on_activity(activity(arm_controller="inactive", other="active"))
    refused = stage.call(world.arm)
    assert not refused.success and refused.message.startswith("controller arm_controller is inactive")
    told._on_activity(activity(arm_controller="active"))
    stage.spin_for(0.1)
    assert stage.call(world.arm).success
    told._on_activity(activity(arm_controller="inactive"))
    told._on_activity(activity(arm_controller="active"))
    stage.spin(lambda: world.state.state == State.FAULT, "fault", limit_s=2.0)
    sent = len(stage.sent)
    assert world.state.text.startswith("controller arm_controller is inactive")
    stage.spin_for(0.3)
    assert len(stage.sent) == sent and not world.state.armed


def test_what_is_not_finite_never_leaves_the_gate(stage, monkeypatch):
    world = stage.start().armed().world
    stage.spin(lambda: len(world.commands) > 3, "commands")
    tick = stage.gate._loop.tick

    def broken(inputs, now):
        return replace(tick(inputs, now), command=np.full(7, np.nan))

    monkeypatch.setattr(stage.gate._loop, "tick", broken)
    stage.spin(lambda: world.state.state == State.FAULT, "fault", limit_s=2.0)
    assert "a command must be finite" in world.state.text
    stage.spin_for(0.3)
    assert np.isfinite(world.commands).all()
    assert np.allclose(world.commands[-1], world.robot.home)


def test_a_rate_too_low_for_a_position_stream_is_refused_at_the_start(stage):
    values = stage.parameters(rate_hz=40.0)
    with pytest.raises(ConfigError, match="rate_hz=40.0 makes 39.2 mrad per message of forward_position"):
        ExpertGateNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])


def test_a_misspelt_or_bad_parameter_is_refused_by_name(stage):
    def start(**changes):
        values = stage.parameters(**changes)
        ExpertGateNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])

    with pytest.raises(ConfigError, match="chunk_timeot_s=1.0 is unknown; did you mean chunk_timeout_s"):
        start(chunk_timeot_s=1.0)
    with pytest.raises(ConfigError, match="rate_hz=5.0 must be greater than or equal to 20"):
        start(rate_hz=5.0)
    with pytest.raises(ValueError, match="wheel.yaml: cannot be read"):
        start(robot_file="/nowhere/wheel.yaml")


def test_a_device_of_another_shape_is_said_in_state_diagnostics_and_one_line_of_the_log(stage, monkeypatch):
    world = stage.start().armed().world
    logged = []
    monkeypatch.setattr(stage.gate._notices, "_log", logged.append)
    world.stick = lambda count: ((0.0,) * 6, (1, 0, 0, 0, 0, 0, 0, 0, 0))
    text = f"joy: 6 axes and 9 buttons, keyboard has exactly 7 and 9; {NEW_FILE}"
    stage.spin(lambda: text in world.state.text, "text")
    stage.spin_for(1.5)
    report = stage.gate._report()
    assert (report.level, report.message) == (WARN, f"HOLD: armed; waiting for a chunk: {text}")
    assert logged == [text]


def test_two_publishers_of_a_joystick_are_named_and_each_of_two_topics_may_drive(stage):
    world = stage.start().armed().world
    console = world.create_publisher(Joy, "console/joy", qos.JOY)
    second = world.create_publisher(Joy, "joy", qos.JOY)

    def send(publisher, enabled):
        axes, buttons = world.joystick.encode(enabled, (0.0,) * 3, (0.0,) * 3, 0.0, count=world.count)
        publisher.publish(to_joy_message(axes, buttons, world.get_clock().now().to_msg()))

    def said(text, publisher, enabled):
        sent = world.count

        def look():  # as often as the other one: more would push its messages out of the gate's queue
            nonlocal sent
            if world.count > sent:
                sent = world.count
                send(publisher, enabled)
            return text in world.state.text

        stage.spin(look, text)

    if SIGNED:
        said("two publishers of joy: ", second, False)
    world.destroy_publisher(second)
    stage.spin(lambda: "two publishers" not in world.state.text, "one publisher")
    for _ in range(10):
        send(console, False)
        stage.spin_for(0.02)
    said("console/joy drives", console, True)
    world.push((0.05, 0.0, 0.0))
    said("joy: waits, console/joy drives", console, True)


def test_where_messages_do_not_say_who_sent_them_two_publishers_of_a_topic_forbid_to_arm(stage, monkeypatch):
    monkeypatch.setattr(PublisherNames, "key", staticmethod(lambda info: b""))  # as in rclpy of Jazzy
    world = stage.start().armed().world
    assert stage.call(world.stop).success
    second = world.create_publisher(Joy, "joy", qos.JOY)
    said = "2 publishers of joy, and its messages do not say whose they are"
    stage.spin(lambda: stage.gate._names.objection() == said, said)
    answer = stage.call(world.arm)
    assert (answer.success, answer.message) == (False, said)
    assert stage.run_home().error_msg == said
    world.destroy_publisher(second)
    stage.spin(lambda: not stage.gate._names.objection(), "one publisher")
    assert stage.call(world.arm).success


@pytest.mark.parametrize("same", [True, False])
def test_where_messages_do_not_say_who_sent_them_a_second_source_of_the_same_joints_forbids_to_arm(
    stage, monkeypatch, same
):
    monkeypatch.setattr(PublisherNames, "key", staticmethod(lambda info: b""))  # as in rclpy of Jazzy
    world = stage.start().sees_the_arm().world
    other = stage.neighbour("other")
    publisher = other.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
    names = world.robot.config.joint_names if same else [f"other_joint{i}" for i in range(7)]

    def speak():
        publisher.publish(to_joint_state(names, world.q, other.get_clock().now().to_msg()))

    other.create_timer(0.01, speak)
    stage.spin(lambda: stage.gate.count_publishers("joint_states") == 2, "the second")
    stage.spin_for(0.3)
    answer = stage.call(world.arm)
    assert (answer.success, answer.message) == ((False, TWO_OF_THE_SAME) if same else (True, answer.message))


def test_what_the_hand_does_not_do_is_said_in_state_diagnostics_and_one_line_of_the_log(stage, monkeypatch):
    class Clumsy(ForwardPosition):
        def __init__(self, node, gripper, topic, say):
            super().__init__(node, gripper, topic, say)
            self._say = say

        def command(self, opening_m, now_s):
            self._say("gripper: gripper_cmd aborted the goal")

    monkeypatch.setitem(DRIVERS, "forward_position", Clumsy)
    logged, world = [], stage.start().world
    monkeypatch.setattr(stage.gate._notices, "_log", logged.append)
    stage.armed()
    stage.spin(lambda: "gripper: gripper_cmd aborted the goal" in world.state.text, "the gripper's trouble")
    stage.spin_for(1.5)
    report = stage.gate._report()
    assert report.level == WARN and report.message.endswith(": gripper: gripper_cmd aborted the goal")
    assert logged == ["gripper: gripper_cmd aborted the goal"]


def test_a_gate_that_sends_nothing_ends_at_once_though_the_joints_are_noisy(stage):
    world = stage.start().sees_the_arm().world
    world.q = world.robot.home.copy()
    noise = np.random.default_rng(0)
    world.create_timer(0.01, lambda: setattr(world, "q", world.robot.home + 1e-5 * noise.normal(size=7)))
    stage.spin_for(0.2)
    stage.gate.begin_stop()
    stage.spin(stage.gate.stopped, "end", limit_s=0.5)
    assert stage.sent == []


def test_a_joystick_whose_publisher_has_left_is_not_missed(stage):
    world = stage.start().sees_the_arm().world
    console = world.create_publisher(Joy, "console/joy", qos.JOY)
    axes, buttons = world.joystick.encode(False, (0.0,) * 3, (0.0,) * 3, 0.0)

    def heard():
        console.publish(to_joy_message(axes, buttons, world.get_clock().now().to_msg()))
        return "console/joy" in stage.gate._inbox._newest.joys

    stage.spin(heard, "console/joy")
    stage.spin(lambda: "console/joy is silent" in world.state.text, "silence")
    world.destroy_publisher(console)
    stage.spin(lambda: "console/joy" not in world.state.text, "its end")
