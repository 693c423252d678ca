"""The node `sim` beside a stand-in for mujoco_ros2_control: one topic with all things, and one service."""

from importlib import import_module

import pytest
from drift_interfaces.msg import Outcome
from drift_interfaces.srv import ResetTask
from drift_sim.ros.judgement import to_pose_message
from drift_sim.ros.mujoco_things import MujocoThings
from mirror_bench import StandIn, mirror_bench


class Simulator(StandIn):
    """Its service and plug-in, as the sources name them."""

    def __init__(self, things, robot):
        super().__init__("mujoco_ros2_control_node", things, robot)
        self._msg = import_module("mujoco_ros2_control_msgs.msg")
        srv = import_module("mujoco_ros2_control_msgs.srv")
        self.create_service(srv.SetFreeJointState, "~/set_free_joint_state", self._on_set)
        self._states = self.create_publisher(self._msg.FreeJointStateArray, "/mujoco/things", 10)

    def show(self, stamp):
        message = self._msg.FreeJointStateArray()
        message.header.stamp = stamp
        for name, pose in self.things.items():
            state = self._msg.FreeJointState(name=name)
            state.pose.pose = to_pose_message(pose)
            message.free_joints.append(state)
        self._states.publish(message)

    def _on_set(self, request, response):
        self.asked.append([state.name for state in request.free_joints])
        for state in request.free_joints:
            self.move(state.name, state.pose.pose.position)
        response.success, response.message = self.answer, "" if self.answer else "entry 0 (object): unknown"
        return response


@pytest.fixture
def bench(ros, robots, config_folder):
    with mirror_bench(robots["ur5e"], config_folder, MujocoThings, Simulator) as bench:
        yield bench


def test_a_reset_puts_all_things_at_once_and_its_refusal_is_told(bench):
    answer = bench.reset(11)
    assert (answer.error_code, bench.stand_in.asked) == (ResetTask.Response.NONE, [["object", "goal"]])
    bench.until(lambda: bench.heard.outcome is not None and bench.heard.outcome.seed == 11)
    assert bench.heard.outcome.result == Outcome.RUNNING
    bench.stand_in.answer = False
    answer = bench.reset(12)
    assert answer.error_code == ResetTask.Response.NOT_MOVED
    assert answer.error_msg == "mujoco_ros2_control_node/set_free_joint_state: entry 0 (object): unknown"
