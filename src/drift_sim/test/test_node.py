import math
import time
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from drift_control.horizon import Horizon
from drift_control.robot.pose import rotation_from_quaternion
from drift_interfaces.msg import ArmState, GateState, Outcome
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.gate_messages import to_trajectory
from drift_ros.testing.real_arms import message_packages
from drift_sim.ros.expert import ExpertNode
from drift_sim.ros.judgement import Judgement
from drift_sim.ros.simulation import SimNode
from drift_sim.scenes.scene import TaskOutcome
from drift_sim.world import World
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState, Joy
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory


class Bench:
    """The nodes under test and a probe, spun by one executor in the thread of the test."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.probe = Node("probe")
        self.newest = {}
        self.count = {}
        self.add(self.probe)

    def add(self, node: Node) -> Node:
        self.executor.add_node(node)
        return node

    def listen(self, kind, topic: str, profile) -> None:
        self.count[topic] = 0

        def on_message(msg) -> None:
            self.newest[topic] = msg
            self.count[topic] += 1

        self.probe.create_subscription(kind, topic, on_message, profile)

    def spin_until(self, condition, limit_s: float = 10.0) -> None:
        end_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end_s, f"nothing came of it within {limit_s} s: {self.count}"
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        for node in self.executor.get_nodes():
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def tf2_message(ros):
    """The type of /tf; what is made beside it finds it installed."""
    with message_packages():
        yield import_module("tf2_msgs.msg").TFMessage


@pytest.fixture
def bench(ros):
    bench = Bench()
    yield bench
    bench.close()


@pytest.fixture
def sim(bench, config_folder):
    return bench.add(SimNode(parameter_overrides=sim_parameters(config_folder)))


def sim_parameters(config_folder, **changes):
    values = {
        "robot_file": str(config_folder / "robots/panda.yaml"),
        "task_file": str(config_folder / "tasks/place.yaml"),
        "joint_state_rate_hz": 100.0,
        "camera_rate_hz": 10.0,
        "ground_truth_rate_hz": 50.0,
        "seed": 0,
        **changes,
    }
    return [Parameter(name, value=value) for name, value in values.items()]


def test_the_node_speaks_like_an_arm_with_cameras(bench, sim, robots):
    bench.listen(JointState, "joint_states", qos.SENSOR)
    bench.listen(Image, "camera/front/image_raw", qos.SENSOR)
    bench.listen(CameraInfo, "camera/front/camera_info", qos.SENSOR)
    bench.listen(Image, "camera/wrist/image_raw", qos.SENSOR)
    bench.spin_until(lambda: len(bench.newest) == 4)
    joints = bench.newest["joint_states"]
    named = dict(zip(joints.name, joints.position, strict=True))
    expected = dict(zip(robots["panda"].config.joint_names, robots["panda"].home, strict=True))
    assert {name: named[name] for name in expected} == pytest.approx(expected, abs=1e-3)
    assert named["finger_joint1"] + named["finger_joint2"] == pytest.approx(0.08, abs=1e-3)
    image = bench.newest["camera/front/image_raw"]
    assert (image.height, image.width, image.encoding) == (64, 64, "rgb8")
    info = bench.newest["camera/front/camera_info"]
    assert info.k[0] == pytest.approx(32 / math.tan(math.radians(16.0)))  # 64 pixels over 32 degrees
    assert (info.k[2], info.k[5]) == (31.5, 31.5)  # the middle of the first pixel is 0


def test_who_shows_the_arm_is_told_its_description_and_where_tf2_is_installed_its_frames(bench, sim, robots):
    bench.listen(String, "robot_description", qos.LATCHED)
    bench.spin_until(lambda: "robot_description" in bench.newest)
    urdf = ElementTree.fromstring(bench.newest["robot_description"].data)
    moving = {joint.get("name") for joint in urdf.findall("joint") if joint.get("type") != "fixed"}
    assert moving == {*robots["panda"].config.joint_names, "finger_joint1", "finger_joint2"}
    assert len(urdf.find("link[@name='panda_joint4_link']").findall("visual")) >= 3  # a capsule at the least
    published = {name for name, _ in sim.get_topic_names_and_types()}
    assert {"/tf", "/tf_static"} & published == ({"/tf", "/tf_static"} if find_spec("tf2_msgs") else set())


def test_the_frames_that_are_published_put_the_tcp_where_the_arm_is_and_lead_to_every_drawn_link(
    tf2_message, bench, config_folder, robots
):
    bench.listen(String, "robot_description", qos.LATCHED)
    bench.listen(tf2_message, "/tf", qos.TRANSFORMS)
    bench.listen(tf2_message, "/tf_static", qos.LATCHED)
    bench.add(SimNode(parameter_overrides=sim_parameters(config_folder)))
    bench.spin_until(lambda: len(bench.newest) == 3 and bench.count["/tf"] > 5)
    links = [link for topic in ("/tf", "/tf_static") for link in bench.newest[topic].transforms]
    parents = {link.child_frame_id: link for link in links}
    assert len(parents) == len(links)  # each frame in one parent

    def placed(frame):
        """Rotation (3, 3) and position (3,) [m] in the base frame."""
        if frame not in parents:
            assert frame == robots["panda"].config.base_frame
            return np.eye(3), np.zeros(3)
        (turned, at), link = placed(parents[frame].header.frame_id), parents[frame].transform
        v, q = link.translation, link.rotation
        here = rotation_from_quaternion(np.array([q.x, q.y, q.z, q.w]))
        return turned @ here, at + turned @ np.array([v.x, v.y, v.z])

    robot = robots["panda"]
    rotation, position = placed(robot.config.tip_frame)
    tcp = robot.forward(robot.home)
    assert position == pytest.approx(tcp.position, abs=1e-3)
    assert rotation == pytest.approx(tcp.rotation, abs=2e-3)
    urdf = ElementTree.fromstring(bench.newest["robot_description"].data)
    drawn = [link.get("name") for link in urdf.findall("link") if link.find("visual") is not None]
    assert len(drawn) > 7 and np.isfinite([placed(name)[1] for name in drawn]).all()
    stamps = {(link.header.stamp.sec, link.header.stamp.nanosec) for link in bench.newest["/tf"].transforms}
    assert len(stamps) == 1 and max(stamps) > (0, 0)


def test_one_topic_of_joint_states_has_one_publisher(sim):
    assert sim.count_publishers("joint_states") == 1


def test_joints_are_told_on_the_topics_that_the_robots_file_names(bench, config_folder, robots):
    file = str(config_folder / "robots/fr3.yaml")
    bench.add(SimNode(parameter_overrides=sim_parameters(config_folder, robot_file=file)))
    bench.listen(JointState, "franka/joint_states", qos.SENSOR)
    bench.listen(JointState, "franka_gripper/joint_states", qos.SENSOR)
    bench.spin_until(lambda: len(bench.newest) == 2)
    arm, fingers = bench.newest["franka/joint_states"], bench.newest["franka_gripper/joint_states"]
    assert list(arm.name) == [f"fr3_joint{n}" for n in range(1, 8)]
    assert arm.position == pytest.approx(robots["fr3"].home, abs=1e-3)
    assert list(fingers.name) == ["finger_joint1", "finger_joint2"]
    assert bench.probe.count_publishers("joint_states") == 0


def test_a_command_moves_the_arm_and_is_held_when_the_stream_ends(bench, sim, robots):
    command = bench.probe.create_publisher(Float64MultiArray, "command", qos.COMMAND)
    gripper = bench.probe.create_publisher(Float64MultiArray, "gripper_command", qos.COMMAND)
    bench.listen(JointState, "joint_states", qos.SENSOR)
    bench.spin_until(lambda: command.get_subscription_count() and gripper.get_subscription_count())
    target = robots["panda"].home + 0.1
    command.publish(Float64MultiArray(data=target.tolist()))
    gripper.publish(Float64MultiArray(data=[0.01, 0.01]))

    def arrived():
        positions = (
            bench.newest["joint_states"].position if "joint_states" in bench.newest else [math.inf] * 9
        )
        return np.abs(positions[:7] - target).max() < 5e-3 and abs(sum(positions[7:]) - 0.02) < 2e-3

    bench.spin_until(arrived)
    command.publish(Float64MultiArray(data=[math.nan] * 7))  # refused
    command.publish(Float64MultiArray(data=[0.0] * 6))  # refused
    seen = bench.count["joint_states"]
    bench.spin_until(lambda: bench.count["joint_states"] > seen + 30)
    assert arrived()


def test_an_arm_with_a_trajectory_controller_follows_it_to_its_end_and_refuses_what_it_cannot(
    bench, config_folder, robots
):
    file = str(config_folder / "robots/ur5e.yaml")
    sim = bench.add(SimNode(parameter_overrides=sim_parameters(config_folder, robot_file=file)))
    command = bench.probe.create_publisher(JointTrajectory, "command", qos.COMMAND)
    bench.spin_until(command.get_subscription_count)
    home, names = robots["ur5e"].home, robots["ur5e"].config.joint_names

    def send(q):
        points = np.stack((home, home + 0.1 * q, home + 0.2 * q))
        command.publish(to_trajectory(names, Horizon(np.array([0.0, 0.5, 1.0]), points, 0.0 * points)))

    send(np.full(6, np.nan))  # refused
    send(np.ones(6))
    seen_s = sim._world.time_s
    bench.spin_until(lambda: sim._world.time_s > seen_s + 0.3)
    assert (sim._world.joint_positions() - home).max() < 0.1  # on its way, not at a point already
    bench.spin_until(lambda: np.abs(sim._world.joint_positions() - home - 0.2).max() < 5e-3)


def test_in_a_protective_stop_the_arm_says_so_and_stays_where_it_was_whatever_it_is_told(bench, sim, robots):
    command = bench.probe.create_publisher(Float64MultiArray, "command", qos.COMMAND)
    stop = bench.probe.create_client(SetBool, "sim/protective_stop")
    bench.listen(JointState, "joint_states", qos.SENSOR)
    bench.listen(ArmState, "arm_state", qos.LATCHED)
    bench.spin_until(lambda: command.get_subscription_count() and stop.service_is_ready())
    bench.spin_until(lambda: "arm_state" in bench.newest)
    state = bench.newest["arm_state"]
    assert (state.ready, state.protective_stop, state.speed_scale) == (True, False, 1.0)

    def ask(stopped):
        answer = stop.call_async(SetBool.Request(data=stopped))
        bench.spin_until(answer.done)
        bench.spin_until(lambda: bench.newest["arm_state"].protective_stop == stopped)

    ask(True)
    assert not bench.newest["arm_state"].ready
    home = robots["panda"].home
    command.publish(Float64MultiArray(data=(home + 0.1).tolist()))
    seen = bench.count["joint_states"]
    bench.spin_until(lambda: bench.count["joint_states"] > seen + 50)
    assert bench.newest["joint_states"].position[:7] == pytest.approx(home, abs=2e-3)
    ask(False)
    command.publish(Float64MultiArray(data=(home + 0.1).tolist()))
    bench.spin_until(lambda: abs(bench.newest["joint_states"].position[0] - home[0] - 0.1) < 5e-3)


def test_a_reset_gives_the_poses_that_the_seed_has_in_the_shell(bench, sim, robots, tasks):
    bench.listen(Outcome, "task/outcome", qos.LATCHED)
    reset = bench.probe.create_client(ResetTask, "sim/reset")
    bench.spin_until(lambda: reset.service_is_ready() and "task/outcome" in bench.newest)
    answer = reset.call_async(ResetTask.Request(seed=42))
    bench.spin_until(answer.done)
    assert answer.result().error_code == ResetTask.Response.NONE
    bench.spin_until(lambda: bench.newest["task/outcome"].seed == 42)
    assert (bench.newest["task/outcome"].result, bench.newest["task/outcome"].score) == (Outcome.RUNNING, 0.0)
    world = World(robots["panda"], tasks["place"])
    world.reset(42)
    seen = sim._world.truth().object.position
    np.testing.assert_allclose(seen[:2], world.truth().object.position[:2], atol=1e-4)  # it settles a little


def test_a_cube_put_on_its_goal_has_all_of_the_partial_credit_until_it_has_lain_there_for_a_while(
    bench, sim, monkeypatch
):
    said = []
    bench.probe.create_subscription(Outcome, "task/outcome", said.append, qos.LATCHED)
    bench.spin_until(lambda: said)
    assert said[-1].score == 0.0
    world, goal = sim._world, sim._world.truth().goal.position
    at = world.scene._object_qpos
    with monkeypatch.context() as stands:
        stands.setattr(sim, "_catch_up", steady_s)  # else a late node may have its rest behind it
        world.data.qpos[at : at + 2] = goal[:2]
        world.step(1)
        bench.spin_until(lambda: round(said[-1].score, 6) == 0.5)  # of place, partial_credit is 0.5
        assert said[-1].result == Outcome.RUNNING
    bench.spin_until(lambda: said[-1].result == Outcome.SUCCESS)
    assert said[-1].score == 1.0


@pytest.fixture
def expert(bench, config_folder):
    values = {
        "robot_file": str(config_folder / "robots/panda.yaml"),
        "task_file": str(config_folder / "tasks/place.yaml"),
        "joystick_file": str(config_folder / "joysticks/scripted.yaml"),
        "mode": "demonstrate",
        "takeovers": True,
        "rate_hz": 50.0,
        "seed": 0,
    }
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    return bench.add(ExpertNode(parameter_overrides=overrides))


def test_the_expert_moves_the_stick_only_while_the_gate_is_armed_and_it_may(bench, sim, expert, joystick):
    bench.listen(Joy, "expert/joy", qos.JOY)
    gate = bench.probe.create_publisher(GateState, "gate/state", qos.LATCHED)
    enable = joystick.config.buttons.enable
    gate.publish(GateState(state=GateState.HOLD, armed=False))
    bench.spin_until(lambda: bench.count["expert/joy"] > 10)
    assert bench.newest["expert/joy"].buttons[enable] == 0
    gate.publish(GateState(state=GateState.HOLD, armed=True))
    bench.spin_until(lambda: bench.newest["expert/joy"].buttons[enable] == 1)
    gate.publish(GateState(state=GateState.EXPERT, armed=True))
    bench.spin_until(lambda: max(map(abs, bench.newest["expert/joy"].axes[:6])) > 0.3)
    expert.set_parameters([Parameter("takeovers", value=False)])
    bench.spin_until(lambda: bench.newest["expert/joy"].buttons[enable] == 0)
    before = bench.count["expert/joy"]
    bench.spin_until(lambda: bench.count["expert/joy"] > before + 25)  # half a second
    assert (
        bench.newest["expert/joy"].buttons[enable] == 0
        and max(map(abs, bench.newest["expert/joy"].axes[:6])) < 0.05
    )
    expert.set_parameters([Parameter("takeovers", value=True)])
    bench.spin_until(lambda: bench.newest["expert/joy"].buttons[enable] == 1)
    gate.publish(GateState(state=GateState.FAULT, armed=False))
    bench.spin_until(lambda: bench.newest["expert/joy"].buttons[enable] == 0)


def test_a_score_is_told_anew_when_it_has_changed_by_a_hundredth_and_each_reset_at_once(bench, monkeypatch):
    judgement, told = Judgement(bench.probe, "base"), []
    monkeypatch.setattr(judgement, "_outcome", SimpleNamespace(publish=told.append))

    def world(score):
        return SimpleNamespace(outcome=lambda: TaskOutcome.RUNNING, score=lambda: score)

    judgement.publish_reset(world(0.0), 3, Time(sec=5))
    for score in (0.004, 0.0099, 0.0101, 0.02):  # the last less than a hundredth above what was told
        judgement.publish_change(world(score), 3, Time(sec=6))
    judgement.publish_reset(world(0.02), 3, Time(sec=9))
    said = [(message.reset_at.sec, round(message.score, 4)) for message in told]
    assert said == [(5, 0.0), (5, 0.0101), (9, 0.02)]


def test_the_expert_begins_anew_after_each_reset_and_not_with_each_score(bench, expert):
    begun = []
    expert._expert.reset = begun.append
    outcome = bench.probe.create_publisher(Outcome, "task/outcome", qos.LATCHED)
    bench.listen(Outcome, "task/outcome", qos.LATCHED)
    bench.spin_until(lambda: outcome.get_subscription_count() == 2)

    def say(seed, reset_s, score, result=Outcome.RUNNING):
        said = bench.count["task/outcome"]
        outcome.publish(Outcome(result=result, seed=seed, reset_at=Time(sec=reset_s), score=score))
        bench.spin_until(lambda: bench.count["task/outcome"] > said)

    for reset_s, resets in ((10, 1), (11, 2)):  # with the same seed
        say(4, reset_s, 0.0)
        bench.spin_until(lambda resets=resets: len(begun) >= resets)
        say(4, reset_s, 0.1)
        say(4, reset_s, 0.2)
    say(4, 11, 1.0, Outcome.SUCCESS)
    say(6, 12, 0.0)
    bench.spin_until(lambda: 6 in begun)
    assert begun == [4, 4, 6]


def test_a_missing_parameter_is_named(bench, config_folder):
    parameters = [p for p in sim_parameters(config_folder) if p.name != "camera_rate_hz"]
    with pytest.raises(Exception, match="camera_rate_hz"):
        SimNode(parameter_overrides=parameters)
