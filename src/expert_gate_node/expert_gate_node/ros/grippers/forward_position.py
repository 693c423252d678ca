"""A forward position controller of the gripper's joints: their positions, at each control step."""

from collections.abc import Callable

from drift_control.gripper.config import Gripper
from drift_ros import qos
from drift_ros.gate_messages import to_numbers
from rclpy.node import Node
from std_msgs.msg import Float64MultiArray


class ForwardPosition:
    """Publishes one number per joint, in the file's order: the controller stops at another count."""

    def __init__(self, node: Node, gripper: Gripper, topic: str, say: Callable[[str], None]) -> None:
        self._gripper = gripper
        self._publisher = node.create_publisher(Float64MultiArray, topic, qos.COMMAND)

    def command(self, opening_m: float, now_s: float) -> None:
        """Publish the positions of all joints at this opening [m]."""
        self._publisher.publish(to_numbers(self._gripper.positions(opening_m)))

    def forget(self) -> None:
        """The controller keeps the last positions."""
