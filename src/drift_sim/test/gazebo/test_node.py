"""The node `sim` beside a stand-in for ros_gz_bridge: poses at 50 Hz, and the service set_pose."""

import math
import time
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from drift_control.robot.pose import Pose
from drift_interfaces.msg import Outcome
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.testing.real_arms import message_packages
from drift_sim.ros.gazebo_things import GazeboThings
from drift_sim.ros.judgement import to_pose_message
from drift_sim.ros.mirror import MirrorNode
from geometry_msgs.msg import PoseArray, PoseStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState


class Gazebo(Node):
    """What the bridge shows of a Gazebo whose clock runs in real time: things fly to where they are put."""

    def __init__(self, mirror_things, home_rad, joint_names):
        super().__init__("gazebo_bridge")
        self.things = dict(mirror_things)
        self.asked = []
        self.answer, self.obeys, self.publishing = True, True, True
        self._home, self._names = home_rad, joint_names
        self.fingers_m = 0.04
        srv = import_module("ros_gz_interfaces.srv")
        self.create_service(srv.SetEntityPose, "/world/place/set_pose", self._on_set_pose)
        self._poses = {
            name: self.create_publisher(PoseStamped, f"gazebo/{name}/pose", 10) for name in self.things
        }
        self._joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.create_timer(0.02, self._publish)

    def _on_set_pose(self, request, response):
        self.asked.append((request.entity.name, request.entity.type))
        at = request.pose.position
        if self.answer and self.obeys:
            self.things[request.entity.name] = Pose(np.array([at.x, at.y, at.z]), np.eye(3))
        response.success = self.answer
        return response

    def _publish(self):
        if not self.publishing:
            return
        stamp = self.get_clock().now().to_msg()
        for name, pose in self.things.items():
            message = PoseStamped(pose=to_pose_message(pose))
            message.header.stamp = stamp
            self._poses[name].publish(message)
        names = [*self._names, "finger_joint1", "finger_joint2"]
        joints = JointState(name=names, position=[*self._home, self.fingers_m, self.fingers_m])
        joints.header.stamp = stamp
        self._joints.publish(joints)


@pytest.fixture
def bench(ros, robots, config_folder):
    with message_packages():
        robot = robots["ur5e"]
        parameters = {
            "robot_file": str(config_folder / "robots/ur5e.yaml"),
            "task_file": str(config_folder / "tasks/place.yaml"),
            "joint_state_rate_hz": 100.0,
            "camera_rate_hz": 10.0,
            "ground_truth_rate_hz": 50.0,
            "seed": 3,
        }
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        sim = MirrorNode(GazeboThings, parameter_overrides=overrides)
        gazebo = Gazebo(sim._mirror.things(), robot.config.home_rad, robot.config.joint_names)
        probe = Node("probe")
        heard = SimpleNamespace(outcome=None, truth=None)
        probe.create_subscription(
            Outcome, "task/outcome", lambda m: setattr(heard, "outcome", m), qos.LATCHED
        )
        probe.create_subscription(
            PoseArray, "sim/ground_truth", lambda m: setattr(heard, "truth", m), qos.GROUND_TRUTH
        )
        client = probe.create_client(ResetTask, "sim/reset")
        executor = SingleThreadedExecutor()
        for node in (sim, gazebo, probe):
            executor.add_node(node)

        def until(condition, limit_s=10.0):
            end_s = time.monotonic() + limit_s
            while not condition():
                assert time.monotonic() < end_s, "nothing came of it"
                executor.spin_once(timeout_sec=0.05)

        def reset(seed):
            until(client.service_is_ready)
            future = client.call_async(ResetTask.Request(seed=seed))
            until(future.done)
            return future.result()

        yield SimpleNamespace(sim=sim, gazebo=gazebo, heard=heard, until=until, reset=reset)
        for node in (sim, gazebo, probe):
            executor.remove_node(node)
            node.destroy_node()
        executor.shutdown()


def test_a_reset_moves_both_things_in_gazebo_and_is_over_when_they_are_seen_there(bench):
    bench.until(lambda: bench.heard.truth is not None)
    first = bench.heard.truth.poses[0].position
    answer = bench.reset(11)
    assert (answer.error_code, answer.error_msg) == (ResetTask.Response.NONE, "")
    assert sorted(bench.gazebo.asked) == [("goal", 2), ("object", 2)]  # 2: MODEL
    wanted = bench.gazebo.things["object"].position
    bench.until(lambda: math.isclose(bench.heard.truth.poses[0].position.x, wanted[0], abs_tol=1e-9))
    assert not math.isclose(first.x, wanted[0], abs_tol=1e-3)
    bench.until(lambda: bench.heard.outcome is not None and bench.heard.outcome.seed == 11)
    assert bench.heard.outcome.result == Outcome.RUNNING


def test_a_box_that_rests_on_the_goal_is_a_success_and_the_next_reset_begins_anew(bench):
    assert bench.reset(11).error_code == ResetTask.Response.NONE
    goal = bench.gazebo.things["goal"].position
    bench.gazebo.things["object"] = Pose(goal + [0.0, 0.0, 0.02], np.eye(3))
    bench.until(lambda: bench.heard.outcome.result == Outcome.SUCCESS)
    assert (bench.heard.outcome.judged_by, bench.heard.outcome.seed) == (Outcome.BY_SIMULATION, 11)
    assert bench.reset(12).error_code == ResetTask.Response.NONE
    bench.until(lambda: (bench.heard.outcome.result, bench.heard.outcome.seed) == (Outcome.RUNNING, 12))


def test_a_reset_that_gazebo_refuses_or_does_not_do_is_said_with_the_thing(bench):
    bench.gazebo.answer = False
    answer = bench.reset(11)
    assert answer.error_code == ResetTask.Response.NOT_MOVED
    assert answer.error_msg in (f"/world/place/set_pose of {name} was refused" for name in ("object", "goal"))
    bench.gazebo.answer, bench.gazebo.obeys = True, False
    answer = bench.reset(12)
    assert answer.error_code == ResetTask.Response.NOT_MOVED
    assert answer.error_msg == "not seen where it shall be within 2 s: object, goal"
    bench.gazebo.obeys = True
    assert bench.reset(12).error_code == ResetTask.Response.NONE


def test_without_poses_it_says_what_is_missing_and_judges_nothing(bench):
    bench.until(lambda: bench.heard.truth is not None)
    bench.gazebo.publishing = False
    bench.until(lambda: "no pose of object, goal" in bench.sim._report().message)
    bench.heard.truth = None
    limit_s = time.monotonic() + 0.2
    bench.until(lambda: time.monotonic() > limit_s)
    assert bench.heard.truth is None
