"""The driver of a SpaceMouse: publishes `joy` for the gate."""

import sys
from collections.abc import Callable
from typing import Any

from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.gate_messages import to_joy_message
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from rclpy.node import Node
from sensor_msgs.msg import Joy

from expert_gate_node.spacemouse import Device, DeviceLost, SpaceMouse, SpaceMouseConfig, open_mouse

_TRY_S = 1.0  # where there is no device, it is looked for so often


class SpaceMouseNode(Node):
    """Publish the device, also while nobody touches it; say nothing while there is none."""

    def __init__(self, open_device: Callable[[str], Device] = open_mouse, **kwargs: Any) -> None:
        super().__init__("spacemouse", **kwargs)
        self._config = load_parameters(self, SpaceMouseConfig)
        self._open = open_device
        self._mouse: SpaceMouse | None = None
        self._next_s = 0.0  # steady time of the next look for a device
        self._said = ""
        self._joy = self.create_publisher(Joy, "joy", qos.JOY)
        self._look(steady_s())
        self.create_timer(1.0 / self._config.rate_hz, self._on_timer, clock=steady_clock())

    def _on_timer(self) -> None:
        now_s = steady_s()
        if self._mouse is None:
            if now_s >= self._next_s:
                self._look(now_s)
            return
        try:
            axes, buttons = self._mouse.read(now_s)
        except DeviceLost as error:
            self._lose(error, now_s)
            return
        self._joy.publish(to_joy_message(axes, buttons, self.get_clock().now().to_msg()))

    def _look(self, now_s: float) -> None:
        try:
            self._mouse = SpaceMouse(self._open(self._config.device), now_s)
        except DeviceLost as error:
            self._lose(error, now_s)
            return
        self._said = ""
        self.get_logger().info("a SpaceMouse is read")

    def _lose(self, error: DeviceLost, now_s: float) -> None:
        self._mouse, self._next_s = None, now_s + _TRY_S
        if str(error) != self._said:
            self._said = str(error)
            self.get_logger().warning(self._said)


def main() -> int:
    """Run the node; see `run_node` for exit codes."""
    return run_node(SpaceMouseNode)


if __name__ == "__main__":
    sys.exit(main())
