"""The console node: what pages show and ask for. It publishes a joystick, and commands nothing."""

import os
import sys
from typing import Any

import numpy as np
from drift_control.teleop.joystick import load_joystick
from drift_core.task import load_task
from drift_ros import qos
from drift_ros.clock import steady_s
from drift_ros.diagnostics import OK, Diagnostics, Report
from drift_ros.gate_messages import to_joy_message
from drift_ros.parameters import load_parameters
from drift_ros.run import run_node
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Joy

from drift_console_node.access import Access
from drift_console_node.address import kept_tokens, listen, url, write_address
from drift_console_node.config import ConsoleConfig
from drift_console_node.context import Context
from drift_console_node.exchange import Exchange, Stick
from drift_console_node.ros.buttons import Buttons
from drift_console_node.ros.eyes import Eyes
from drift_console_node.ros.listener import Listener
from drift_console_node.server import Server

JOY_TOPIC = "console/joy"


class ConsoleNode(Node):
    """Serve the page; the server's thread and this executor meet in the exchange only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("console", **kwargs)
        config = self._config = load_parameters(self, ConsoleConfig)
        os.nice(config.niceness)
        self._device = load_joystick(config.joystick_file)
        cameras = load_task(config.task_file).cameras
        listening = listen(config.host, config.port)
        port = listening.getsockname()[1]
        tokens = kept_tokens(config.run_folder)
        exchange = self._exchange = Exchange()
        names = [camera.name for camera in cameras]
        context = Context(config, Access(tokens), exchange, names, port=port)
        # only while somebody has the lease: the gate looks for who is silent
        self._joy: Publisher | None = None
        self._failure: Exception | None = None  # of another thread
        self._wake = self.create_guard_condition(self._on_wake)
        self._count = 0
        self._buttons = Buttons(self)
        self._listener = Listener(self, exchange)
        self._eyes = Eyes(self, cameras, config, exchange, self._fail)
        exchange.wake_node = self._wake.trigger
        self._address = url(config, port)
        file = write_address(config.run_folder, self._address, tokens)
        self._server = Server(context, listening, self._fail)
        self.get_logger().info(f"console at {self._address}; with its token in {file}")
        self._context_of_pages = context
        self._diagnostics = Diagnostics(self, self._report)

    def destroy_node(self) -> None:
        """End the server first."""
        self._server.close()
        self._exchange.wake_node = lambda: None
        self._eyes.close()
        self._buttons.close()
        super().destroy_node()

    def _fail(self, error: Exception) -> None:
        """End the node by what has ended one of its threads; whoever has started it starts it again."""
        self._failure = error
        self._wake.trigger()

    def _on_wake(self) -> None:
        if self._failure is not None:
            raise self._failure
        for press in self._exchange.presses():
            self._buttons.press(press)
        self._offer(self._exchange.driving)
        stick = self._exchange.take_stick(steady_s())
        if stick is not None and self._joy is not None:
            self._joy.publish(self._message(stick))
        self._eyes.look_at(self._exchange.looked_at)

    def _offer(self, driving: bool) -> None:
        if driving and self._joy is None:
            self._joy = self.create_publisher(Joy, JOY_TOPIC, qos.JOY)
        elif not driving and self._joy is not None:
            self.destroy_publisher(self._joy)
            self._joy = None

    def _message(self, stick: Stick) -> Joy:
        self._count += 1
        config, deflection = self._device.config, np.array(stick.axes) * stick.speed
        axes, buttons = self._device.encode(
            stick.enabled,
            deflection[:3] * config.linear_speed_m_s,
            deflection[3:] * config.angular_speed_rad_s,
            stick.gripper,
            count=self._count,
        )
        msg = to_joy_message(axes, buttons, self.get_clock().now().to_msg())
        msg.header.frame_id = "console"
        return msg

    def _report(self) -> Report:
        pages = self._context_of_pages
        holder = pages.driving.lease.holder
        values = {"pages": len(pages.connections), "driver": "" if holder is None else holder.name}
        return Report(OK, f"serves {self._address}", values)


def main() -> int:
    """Run the console until it is told to stop; see `run_node` for exit codes."""
    return run_node(ConsoleNode)


if __name__ == "__main__":
    sys.exit(main())
