"""What every source of arm states is."""

from collections.abc import Callable
from typing import Any, Protocol

from drift_control.inputs import ArmState
from rclpy.node import Node

Take = Callable[[ArmState], None]
Heard = Callable[[str, dict[str, Any]], None]  # topic, and what the middleware says about a message


class Listen(Protocol):
    """Subscribes in the driver's namespace, from then on hands on every state."""

    def __call__(self, node: Node, namespace: str, take: Take, heard: Heard) -> None: ...
