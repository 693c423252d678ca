"""`drift teleop`: drive the arm from the keyboard of a terminal, as with a gamepad."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from drift.configuration import config_file
from drift.errors import UserError
from drift.signals import end_like_ctrl_c
from drift.teleop.keyboard import HELP, Keyboard, KeyboardStick
from drift.teleop.terminal import KeyTerminal

if TYPE_CHECKING:
    from drift_control.teleop.joystick import Joystick
    from drift_ros.joy_publisher import JoyPublisher
    from drift_ros.session import SessionClient

RATE_HZ = 50.0
_HANDS_OFF = KeyboardStick(False, (0.0,) * 3, (0.0,) * 3, 0, frozenset())
_GOODBYES = 5  # messages without enable before the end: the gate sees a release, not a lost joystick


def main(
    speed: Annotated[float, typer.Option(min=0.01, max=1.0, help="share of full deflection")] = 0.5,
    namespace: Annotated[str, typer.Option(help="ROS namespace of the stack")] = "",
) -> None:
    """Publish console/joy from the keyboard: a key drives while it is held, and no longer.

    It works beside a gamepad, which goes on driving once it does, and takes over from the scripted expert.
    """
    from drift_control.teleop.joystick import load_joystick
    from drift_ros.joy_publisher import JoyPublisher
    from drift_ros.session import SessionClient

    if not sys.stdin.isatty():
        raise UserError("drift teleop needs a terminal: keys are read from it")
    device = load_joystick(config_file("joystick", "keyboard"))
    end_like_ctrl_c()  # enable let go, the terminal as it was
    with SessionClient(namespace=namespace) as client:
        print(HELP, flush=True)
        with KeyTerminal(sys.stdin.fileno()) as terminal:
            Teleop(device, speed, client, JoyPublisher(client, "console/joy")).run(terminal)


class Teleop:
    """Read keys, publish the joystick, show who drives."""

    def __init__(
        self, device: "Joystick", speed: float, client: "SessionClient", joy: "JoyPublisher"
    ) -> None:
        self._device, self._speed, self._client, self._joy = device, speed, client, joy
        self._keyboard = Keyboard()
        self._count = 0
        self._shown = ""

    def run(self, terminal: KeyTerminal) -> None:
        """Go on until Ctrl-C or the end of the terminal; the last messages let go of enable."""
        next_s = time.monotonic()
        try:
            while (keys := terminal.keys(next_s - time.monotonic())) is not None:
                now_s = time.monotonic()
                for key in keys:
                    self._keyboard.press(key, now_s)
                if now_s < next_s:
                    continue
                next_s = max(next_s + 1.0 / RATE_HZ, now_s)
                self._send(self._keyboard.stick(now_s))
                self._client.spin(0.001)
                self._show()
        finally:
            for _ in range(_GOODBYES):
                self._send(_HANDS_OFF)
                time.sleep(1.0 / RATE_HZ)
            print()

    def _send(self, stick: KeyboardStick) -> None:
        import numpy as np

        self._count += 1
        config = self._device.config
        axes, buttons = self._device.encode(
            stick.enabled,
            np.array(stick.linear) * config.linear_speed_m_s * self._speed,
            np.array(stick.angular) * config.angular_speed_rad_s * self._speed,
            stick.gripper,
            pressed=stick.pressed,
            count=self._count,
        )
        self._joy.publish(axes, buttons)

    def _show(self) -> None:
        gate = self._client.gate_state
        text = f"{_state_name(gate.state)}: {gate.text}" if gate is not None else "no gate yet"
        if text != self._shown:
            self._shown = text
            print(f"\r\x1b[K{text}", end="", flush=True)


def _state_name(state: int) -> str:
    """Return the name of a state; a newer gate may have others."""
    from drift_control.gate.state import State

    return State(state).name if state in set(State) else f"state {state}"
