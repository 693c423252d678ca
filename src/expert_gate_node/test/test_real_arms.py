"""The gate beside stand-ins for the drivers of real arms, in real time: controllers, states, grippers."""

import re
import shutil
from importlib import import_module

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from drift_control.gate.state import Reason, State
from drift_control.robot.robot import load_robot
from drift_ros.clock import steady_s
from drift_sim.ros.stand_in.franka import FrankaRobot
from drift_sim.ros.stand_in.grippers import FrankaHand, GripperController
from drift_sim.ros.stand_in.ur import UrRobot
from drift_sim.ros2_control.gripper import GripperJoint
from drift_sim.ros2_control.lagging_arm import LaggingArm
from rclpy.action import ActionClient
from real_stage import CONFIG, UR
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectoryPoint

FR3, POSITIONS = "fr3_arm_controller", "forward_position_controller"


@pytest.fixture
def stage(real_stage):
    return real_stage


@pytest.mark.parametrize(
    ("robot", "controller", "rate_hz"),
    [("ur5e+none", UR, 500.0), ("fr3+none", FR3, 1000.0), ("panda+none", POSITIONS, 100.0)],
)
def test_a_person_drives_an_arm_through_each_controller(stage, robot, controller, rate_hz):
    stage.start(robot, controller, LaggingArm, rate_hz=rate_hz)
    stage.armed().driving()
    since_s = steady_s()
    stage.spin_for(0.5)
    assert stage.person.state.state == State.EXPERT, stage.person.state.text
    period_s = 0.02 if controller is POSITIONS else 1.0 / rate_hz  # a stream of positions is a staircase
    assert stage.jump_rad(since_s) < 6.0 * period_s + 0.002


def test_an_inactive_controller_is_refused_at_arming_until_it_is_activated(stage):
    stage.start(active=False)
    stage.spin(lambda: stage.person.step is not None and len(stage.person.step.measured), "joints")
    stage.spin(lambda: UR in stage.ask_to_arm().message, "word of it")
    assert stage.ask_to_arm().message.startswith(
        f"controller {UR} is inactive: ros2 control switch_controllers"
    )
    assert stage.switch(True).ok
    stage.armed()


def test_the_order_of_the_controllers_joints_is_asked_of_its_manager(stage):
    names = load_robot(CONFIG / "robots" / "panda+none.yaml").config.joint_names
    stage.start("panda+none", POSITIONS, LaggingArm, joints=names[::-1])
    stage.spin(lambda: "must be" in stage.ask_to_arm().message, "word of it")
    assert stage.ask_to_arm().message.startswith(f"the joints of controller {POSITIONS} are ['panda_joint7'")


@pytest.mark.parametrize("away_s", [0.0, 0.5])
def test_a_controller_that_leaves_in_motion_and_comes_back_moves_nothing(stage, away_s):
    stage.start(arm=LaggingArm).armed().driving()
    assert stage.switch(False).ok
    stage.spin(lambda: stage.person.state.state == State.FAULT, "fault", limit_s=0.5)
    assert UR in stage.person.state.text
    stage.spin_for(away_s)
    since_s = steady_s()
    assert stage.switch(True).ok
    stage.spin_for(0.3)
    stage.person.let_go()
    stage.spin_for(0.2)
    stage.armed().spin_for(0.2)
    assert stage.jump_rad(since_s) < 1e-3


def test_a_goal_of_the_controllers_action_keeps_the_gate_from_arming_and_beside_its_stream_moves_nothing(
    stage,
):
    stage.start(arm=LaggingArm)
    action = import_module("control_msgs.action").FollowJointTrajectory
    client = ActionClient(stage.person, action, f"{UR}/follow_joint_trajectory")
    stage.person.context.on_shutdown(client.destroy)
    stage.spin(client.server_is_ready, "action")
    home = stage.control.arm.q.copy()

    def begin():
        goal = action.Goal()
        goal.trajectory.joint_names = list(load_robot(CONFIG / "robots" / "ur5e.yaml").config.joint_names)
        end = JointTrajectoryPoint(positions=(home + 0.1).tolist(), time_from_start=Duration(sec=1))
        goal.trajectory.points = [end]
        sent = client.send_goal_async(goal)
        stage.spin(sent.done, "acceptance")
        assert sent.result().accepted
        return sent.result().get_result_async()

    ending = begin()
    stage.spin(lambda: "is under way" in stage.ask_to_arm().message, "word of it", limit_s=0.9)
    stage.spin(ending.done, "end of the goal")
    assert ending.result().result.error_code == 0
    stage.spin(lambda: np.allclose(stage.control.arm.q, home + 0.1, atol=1e-3), "arrival of the arm")
    home -= 0.2
    stage.armed()
    ending, stood = begin(), stage.control.arm.q.copy()
    stage.spin_for(1.0)
    assert np.abs(stage.control.arm.q - stood).max() < 0.02
    stopped = stage.person.stop.call_async(Trigger.Request())
    stage.spin(lambda: stopped.done() and ending.done(), "end of the stream, and with it of the goal")
    assert ending.result().status == GoalStatus.STATUS_SUCCEEDED  # 0.2 rad away from its end
    assert np.abs(stage.control.arm.q - stood).max() < 0.02


def test_a_paused_program_of_a_ur_is_a_fault_and_its_return_moves_nothing(stage):
    stage.start()
    ur = stage.add(UrRobot(stage.control))
    stage.armed().driving()
    ur.set(program=False)
    stage.spin(lambda: stage.person.state.state == State.FAULT, "fault", limit_s=0.5)
    assert "the UR's program does not run" in stage.ask_to_arm().message
    since_s = steady_s()
    ur.set(program=True)  # the driver activates the controller by itself
    stage.spin_for(0.3)
    assert stage.control.controller.active and stage.person.state.state == State.FAULT
    stage.person.let_go()
    stage.spin_for(0.2)
    stage.armed().spin_for(0.2)
    assert stage.jump_rad(since_s) < 1e-3


def test_a_protective_stop_of_a_ur_is_named_and_ended_by_the_person_alone(stage):
    stage.start()
    ur = stage.add(UrRobot(stage.control))
    stage.armed().driving()
    ur.set(safety_mode=3)
    stage.spin(lambda: "PROTECTIVE STOP" in stage.person.state.text, "word of it", limit_s=0.5)
    stage.person.let_go()
    ur.set(safety_mode=1)
    assert "program does not run" in stage.ask_to_arm().message
    ur.set(program=True)
    stage.spin_for(0.2)
    assert not stage.person.state.armed
    stage.armed()


def test_the_slider_of_a_ur_slows_the_arm_down_and_at_zero_it_is_a_fault(stage):
    stage.start()
    ur = stage.add(UrRobot(stage.control))
    ur.set(slider_percent=50.0)
    stage.armed().driving()
    speeds = np.abs(np.diff(stage.control.course(steady_s() - 0.3)[1], axis=0)).max(axis=0)
    assert stage.person.state.state == State.EXPERT and speeds.max() > 0.0
    ur.set(slider_percent=0.0)
    stage.spin(lambda: "speed slider is at 0 %" in stage.person.state.text, "word of it", limit_s=0.5)
    ur.set(slider_percent=100.0)
    stage.spin_for(0.2)
    assert stage.person.state.state == State.FAULT


def test_a_reflex_of_a_franka_is_a_fault_until_a_person_has_recovered_it(stage):
    stage.start("fr3+none", FR3, LaggingArm)
    franka = stage.add(FrankaRobot(stage.control))
    stage.armed().driving()
    franka.reflex()
    stage.spin(lambda: stage.person.state.state == State.FAULT, "fault", limit_s=0.5)
    assert stage.person.state.reason == Reason.PROTECTIVE_STOP
    stage.spin(lambda: "REFLEX" in stage.ask_to_arm().message, "word of it")
    franka.recover()
    stage.spin(lambda: FR3 in stage.ask_to_arm().message, "that its controller is inactive")
    stage.control.set_hardware(True)
    assert stage.switch(True).ok
    stage.person.let_go()
    stage.spin_for(0.2)
    assert not stage.person.state.armed
    stage.armed()


def described_anew(folder, **grippers):
    """Return a folder of robots, beside which files of grippers have other interfaces."""
    for name in ("robots", "grippers"):
        shutil.copytree(CONFIG / name, folder / name)
    for name, interface in grippers.items():
        file = folder / "grippers" / f"{name}.yaml"
        file.write_text(re.sub("^interface: .*$", f"interface: {interface}", file.read_text(), flags=re.M))
    return folder / "robots"


@pytest.mark.parametrize("interface", ["gripper_command", "parallel_gripper_command"])
def test_a_gripper_closes_by_its_action_and_a_thing_that_it_holds_is_no_reason_to_repeat(
    stage, interface, tmp_path
):
    robots, parallel = described_anew(tmp_path, robotiq_2f85=interface), "parallel" in interface
    joint = GripperJoint(0.0, 0.9, stopped_at=0.5)
    knuckle = "robotiq_85_left_knuckle_joint"
    gripper = stage.add(GripperController("robotiq_gripper_controller", knuckle, joint, parallel))
    stage.start("ur5e+robotiq_2f85", robots=robots).armed()
    stage.person.push((0.0, 0.0, 0.0), gripper=-1.0)
    stage.spin(lambda: joint.position == 0.5, "grip")
    stage.spin(lambda: stage.person.step.commanded[-1] == 0.0, "end of closing")
    stage.spin_for(0.3)
    goals = len(gripper.goals.taken)
    stage.spin_for(1.2)  # it stalls, and the goal is aborted
    assert 0 < len(gripper.goals.taken) <= goals + 1
    goal = gripper.goals.taken[-1].command
    assert [goal.max_effort] == [40.0] if interface == "gripper_command" else list(goal.effort) == [40.0]
    stage.person.push((0.0, 0.0, 0.0), gripper=1.0)
    stage.spin(lambda: joint.position < 0.02, "opening")


def test_frankas_hand_grasps_and_moves_by_its_actions(stage):
    width = GripperJoint(0.08, 0.1, stopped_at=0.03)
    hand = stage.add(FrankaHand(("fr3_finger_joint1", "fr3_finger_joint2"), width))
    stage.start("fr3+franka_hand", FR3, LaggingArm).armed()
    stage.person.push((0.0, 0.0, 0.0), gripper=-1.0)
    stage.spin(lambda: hand.width.position == 0.03, "grip")
    assert hand.grasps.taken[-1].force == 20.0
    stage.person.push((0.0, 0.0, 0.0), gripper=1.0)
    stage.spin(lambda: hand.width.position > 0.07, "opening")
    assert hand.moves.taken
