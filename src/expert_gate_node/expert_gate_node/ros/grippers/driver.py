"""What the gate asks of any gripper."""

from collections.abc import Callable
from typing import Protocol

from drift_control.gripper.config import Gripper
from rclpy.node import Node


class GripperDriver(Protocol):
    """Tells a gripper what the gate has decided, at each control step."""

    def __init__(self, node: Node, gripper: Gripper, topic: str, say: Callable[[str], None]) -> None: ...

    def command(self, opening_m: float, now_s: float) -> None:
        """Tell the opening [m] at steady time `now_s`."""

    def forget(self) -> None:
        """Nothing is commanded any more; others may move the hand."""
