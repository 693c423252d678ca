"""An arm without a gripper."""

from collections.abc import Callable

from drift_control.gripper.config import Gripper
from rclpy.node import Node


class NoGripper:
    """Tells nobody anything."""

    def __init__(self, node: Node, gripper: Gripper, topic: str, say: Callable[[str], None]) -> None:
        pass

    def command(self, opening_m: float, now_s: float) -> None:
        """Nothing to tell."""

    def forget(self) -> None:
        """Nothing to forget."""
