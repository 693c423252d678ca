"""Things in Gazebo: their poses and its service set_pose, both by ros_gz_bridge (1.0.11 and later)."""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from drift_config.errors import ConfigError
from drift_control.robot.pose import Pose
from drift_core.task import TaskConfig
from drift_ros import qos
from drift_ros.clock import to_seconds
from drift_ros.run import run_node
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from drift_sim.gazebo.bridge import set_pose_service, thing_topic
from drift_sim.ros.judgement import to_pose_message
from drift_sim.ros.mirror import MirrorNode
from drift_sim.ros.things import OnPose, from_pose_message


class GazeboThings:
    """Raises ConfigError where `ros_gz_interfaces` is not installed."""

    def __init__(self, node: Node, task: TaskConfig, names: Iterable[str], on_pose: OnPose) -> None:
        try:
            self._srv: Any = import_module("ros_gz_interfaces.srv")
            self._msg: Any = import_module("ros_gz_interfaces.msg")
        except ModuleNotFoundError:
            raise ConfigError(
                "ros_gz_interfaces is not installed: sudo apt install ros-$ROS_DISTRO-ros-gz"
            ) from None
        self._on_pose = on_pose
        self._service = set_pose_service(task)
        self._client = node.create_client(self._srv.SetEntityPose, self._service)
        for name in names:
            take = partial(self._take, name)
            node.create_subscription(PoseStamped, thing_topic(name), take, qos.SENSOR)

    def objection(self) -> str:
        """Return why nothing can be moved, or an empty string."""
        return "" if self._client.service_is_ready() else f"nobody serves {self._service}"

    def put(self, poses: Mapping[str, Pose], refused: Callable[[str], None]) -> None:
        """Ask for each thing to be moved."""
        for name, pose in poses.items():
            entity = self._msg.Entity(name=name, type=self._msg.Entity.MODEL)
            request = self._srv.SetEntityPose.Request(entity=entity, pose=to_pose_message(pose))
            self._client.call_async(request).add_done_callback(partial(self._answered, name, refused))

    def _answered(self, name: str, refused: Callable[[str], None], future: Any) -> None:
        if not future.result().success:
            refused(f"{self._service} of {name} was refused")

    def _take(self, name: str, msg: PoseStamped) -> None:
        pose = from_pose_message(msg.pose)
        if pose is not None:
            self._on_pose(name, pose, to_seconds(msg.header.stamp))


def main() -> int:
    """Run the node `sim` beside this simulator; see `run_node` for exit codes."""
    return run_node(lambda: MirrorNode(GazeboThings))


if __name__ == "__main__":
    sys.exit(main())
