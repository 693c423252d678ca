"""`robot_description` and the frames of tf2, so that RViz and Foxglove show the simulated arm."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from drift_ros import qos
from geometry_msgs.msg import Transform, TransformStamped, Vector3
from rclpy.node import Node
from std_msgs.msg import String

from drift_sim.frame_tree import FrameTree, Link
from drift_sim.ros.judgement import to_quaternion

_NOT_INSTALLED = "no /tf: tf2_msgs is not installed (sudo apt install ros-$ROS_DISTRO-tf2-msgs)"


class Frames:
    """Publishes what robot_state_publisher would; the frames only where `tf2_msgs` is installed."""

    def __init__(self, node: Node, urdf: str) -> None:
        self._tree = FrameTree(urdf)
        self._description = node.create_publisher(String, "robot_description", qos.LATCHED)
        self._description.publish(String(data=urdf))
        self._message: Any = _tf_message()
        if self._message is None:
            node.get_logger().info(_NOT_INSTALLED)
            return
        self._moving = node.create_publisher(self._message, "/tf", qos.TRANSFORMS)
        self._fixed = node.create_publisher(self._message, "/tf_static", qos.LATCHED)
        stamp = node.get_clock().now().to_msg()
        self._fixed.publish(self._message(transforms=[_stamped(link, stamp) for link in self._tree.fixed]))

    def publish(self, positions: Mapping[str, float], stamp: Any) -> None:
        """Say where the links are at `positions` by joint [rad or m], if anybody listens."""
        if self._message is not None and self._moving.get_subscription_count():
            links = self._tree.moving(positions)
            self._moving.publish(self._message(transforms=[_stamped(link, stamp) for link in links]))


def _tf_message() -> Any:
    """Return the type of /tf, None where it is not installed: it is not on PyPI."""
    try:
        return import_module("tf2_msgs.msg").TFMessage
    except ModuleNotFoundError:
        return None


def _stamped(link: Link, stamp: Any) -> TransformStamped:
    x, y, z = (float(number) for number in link.pose[:3, 3])
    turned = to_quaternion(link.pose[:3, :3])
    moved = Transform(translation=Vector3(x=x, y=y, z=z), rotation=turned)
    message = TransformStamped(child_frame_id=link.child, transform=moved)
    message.header.stamp, message.header.frame_id = stamp, link.parent
    return message
