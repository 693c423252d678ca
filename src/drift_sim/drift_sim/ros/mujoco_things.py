"""Things in mujoco_ros2_control: one plug-in says where they are, one service puts them all at once."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from drift_config.errors import ConfigError
from drift_control.robot.pose import Pose
from drift_core.task import TaskConfig
from drift_ros import qos
from drift_ros.clock import to_seconds
from drift_ros.run import run_node
from rclpy.node import Node

from drift_sim.mujoco_ros2_control.plugins import SET_SERVICE, THINGS_TOPIC
from drift_sim.ros.judgement import to_pose_message
from drift_sim.ros.mirror import MirrorNode
from drift_sim.ros.things import OnPose, from_pose_message


class MujocoThings:
    """Raises ConfigError where `mujoco_ros2_control_msgs` is not installed."""

    def __init__(self, node: Node, task: TaskConfig, names: Iterable[str], on_pose: OnPose) -> None:
        try:
            self._srv: Any = import_module("mujoco_ros2_control_msgs.srv")
            self._msg: Any = import_module("mujoco_ros2_control_msgs.msg")
        except ModuleNotFoundError:
            raise ConfigError(
                "mujoco_ros2_control_msgs is not installed: "
                "sudo apt install ros-$ROS_DISTRO-mujoco-ros2-control-msgs"
            ) from None
        self._names, self._on_pose = set(names), on_pose
        self._client = node.create_client(self._srv.SetFreeJointState, SET_SERVICE)
        node.create_subscription(self._msg.FreeJointStateArray, THINGS_TOPIC, self._take, qos.SENSOR)

    def objection(self) -> str:
        """Return why nothing can be moved, or an empty string."""
        return "" if self._client.service_is_ready() else f"nobody serves {SET_SERVICE}"

    def put(self, poses: Mapping[str, Pose], refused: Callable[[str], None]) -> None:
        """Ask for all things to be moved, at rest."""
        request = self._srv.SetFreeJointState.Request()
        for name, pose in poses.items():
            state = self._msg.FreeJointState(name=name)
            state.pose.pose = to_pose_message(pose)
            request.free_joints.append(state)

        def answered(future: Any) -> None:
            if not future.result().success:
                refused(f"{SET_SERVICE}: {future.result().message}")

        self._client.call_async(request).add_done_callback(answered)

    def _take(self, msg: Any) -> None:
        for state in msg.free_joints:
            pose = from_pose_message(state.pose.pose)
            if state.name in self._names and pose is not None:
                self._on_pose(state.name, pose, to_seconds(msg.header.stamp))


def main() -> int:
    """Run the node `sim` beside this simulator; see `run_node` for exit codes."""
    return run_node(lambda: MirrorNode(MujocoThings))


if __name__ == "__main__":
    sys.exit(main())
