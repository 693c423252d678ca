"""`drift joystick`: show what a joystick says, ask for each motion, and write its file."""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml

from drift.configuration import config_file, share_folder
from drift.errors import UserError
from drift.joystick.devices import device_names, spacemice
from drift.joystick.survey import BUTTONS, QUESTIONS, Survey

if TYPE_CHECKING:
    from drift_ros.device_listener import DeviceListener
    from drift_ros.joy_listener import JoyListener
    from drift_ros.session import SessionClient

_HEARD_S = 5.0  # discovery may take seconds
_GATE_S = 2.0  # gate/state is latched, and repeated at 5 Hz
_ANSWER_S = 60.0
_SETTLED = 10  # messages at rest before the next question
_REQUIRED = ("enable", "stop")


def main(
    write: Annotated[str, typer.Option(help="name of a file of config/joysticks to write")] = "",
    like: Annotated[str, typer.Option(help="whose driver the new file names")] = "gamepad",
    device: Annotated[
        str, typer.Option(help="show whether the gate would believe this file of config/joysticks")
    ] = "",
    topic: Annotated[str, typer.Option(help="where the driver publishes")] = "joy",
    namespace: Annotated[str, typer.Option(help="ROS namespace")] = "",
    seconds: Annotated[float, typer.Option(min=0.0, help="show for so long; 0: until Ctrl-C")] = 0.0,
) -> None:
    """Show axes and buttons of a joystick live; with --write ask what does what, and write the file.

    Its driver must run: ros2 run joy joy_node --ros-args -p autorepeat_rate:=50.0

    With --device NAME: what that device says, also a pose or a leader's joints, and why it is not believed.

    With --write no stack may run: its gate would obey the buttons that are asked for.
    """
    from drift_ros.joy_listener import JoyListener
    from drift_ros.session import SessionClient

    if write and device:
        raise UserError(f"--write {write} makes a file, --device {device} shows one: say either")
    target, driver = (_target(write), _driver(like)) if write else (None, None)
    names = [*device_names(), *spacemice().values()]
    print(f"this machine knows: {', '.join(names) or 'no joystick'}", flush=True)
    with SessionClient(namespace=namespace) as client:
        if device:
            _show_device(client, _listener(client, topic, device), seconds)
            return
        joy = JoyListener(client, topic)
        _hear(client, joy, topic, names)
        if target is None:
            _show(client, joy, seconds)
        else:
            _write(target, ask(client, joy), names, driver)


def ask(client: "SessionClient", joy: "JoyListener") -> Survey:
    """Ask for every motion and button; return the answers. UserError where a gate would obey them."""
    _spin(client, _GATE_S)
    print("hands off: the device is read at rest", flush=True)
    _settle(client, joy)
    survey = Survey(joy.axes, len(joy.buttons))
    for motion, question in QUESTIONS.items():
        print(f"  {question}", flush=True)
        _answered(client, joy, survey, partial(_motion, survey, joy, motion), motion)
    for name, question in BUTTONS.items():
        if len(survey.buttons) == survey.n_buttons and name not in _REQUIRED:
            break
        print(f"  {question}", flush=True)
        _answered(client, joy, survey, partial(_button, survey, joy, name), name)
    return survey


def _motion(survey: Survey, joy: "JoyListener", name: str) -> bool:
    return survey.motion(name, joy.axes)


def _button(survey: Survey, joy: "JoyListener", name: str) -> bool:
    return survey.button(name, joy.buttons)


def _spin(client: "SessionClient", duration_s: float) -> None:
    client.spin(duration_s)
    if client.gate_state is not None:
        raise UserError(
            "a gate is running, and it would obey what is pressed here: stop its stack (drift up) and start "
            "the driver alone (ros2 run joy joy_node); nothing is written"
        )


def _target(write: str) -> Path:
    if not write.replace("_", "").replace("-", "").isalnum():
        raise UserError(f"--write {write} must be a name of letters, digits, _ and -")
    path = share_folder() / "config" / "joysticks" / f"{write}.yaml"
    if path.exists():
        raise UserError(f"{path} exists already: choose another name, or remove it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise UserError(f"{path.parent} must be a folder that can be written to: {error.strerror}") from None


def _driver(like: str) -> dict[str, object] | None:
    """Return what the joystick's file `like` says of its driver."""
    from drift_config.loader import to_plain
    from drift_control.teleop.devices import load_device

    driver = load_device(config_file("joystick", like)).config.driver
    return None if driver is None else to_plain(driver)


def _hear(client: "SessionClient", joy: "JoyListener", topic: str, names: list[str]) -> None:
    end_s = time.monotonic() + _HEARD_S
    while not joy.axes and not joy.buttons:
        if time.monotonic() >= end_s:
            what = "connect one, then start its driver" if not names else "start its driver"
            raise UserError(f"nothing on {topic} within {_HEARD_S:g} s; {what}: ros2 run joy joy_node")
        client.spin(0.05)


def _show(client: "SessionClient", joy: "JoyListener", seconds: float) -> None:
    end_s = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end_s:
        client.spin(0.1)
        _print_over(_axes_and_buttons(joy.axes, joy.buttons))
    print()


def _listener(client: "SessionClient", topic: str, name: str) -> "DeviceListener":
    from drift_control.teleop.devices import load_device
    from drift_ros.device_listener import DeviceListener

    return DeviceListener(client, topic, load_device(config_file("joystick", name)))


def _show_device(client: "SessionClient", device: "DeviceListener", seconds: float) -> None:
    end_s = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end_s:
        client.spin(0.05)
        _print_over(described(device))
    print()


def described(device: "DeviceListener") -> str:
    """Return what a device says and whether it is believed, as one line."""
    from drift_control.inputs import LeaderReading, PoseReading

    enabled, trouble = device.look()
    parts = [trouble or f"believed, enable is {'held' if enabled else 'up'}"]
    lead = device.lead
    if isinstance(lead, PoseReading):
        at, turn = (
            " ".join(f"{value:+.3f}" for value in part) for part in (lead.position_m, lead.quaternion)
        )
        parts.append(f"{lead.frame_id}: position {at} m, quaternion {turn}")
    elif isinstance(lead, LeaderReading):
        pairs = zip(lead.names, lead.positions, strict=False)
        parts.append(" ".join(f"{name}:{value:+.2f}" for name, value in pairs))
    if device.joy is not None:
        parts.append(_axes_and_buttons(device.joy.axes, device.joy.buttons))
    return " | ".join(parts)


def _axes_and_buttons(axes: tuple[float, ...], buttons: tuple[int, ...]) -> str:
    said = " ".join(f"{i}:{value:+.2f}" for i, value in enumerate(axes))
    held = " ".join(str(i) for i, level in enumerate(buttons) if level) or "none"
    return f"{len(axes)} axes {said} | {len(buttons)} buttons, held: {held}"


def _print_over(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True)
    else:
        print(text, flush=True)


def _answered(
    client: "SessionClient", joy: "JoyListener", survey: Survey, answer: Callable[[], bool], what: str
) -> None:
    """Wait for an answer, and then until the device is left alone."""
    end_s = time.monotonic() + _ANSWER_S
    answered = False
    while not (answered and survey.left_alone(joy.axes, joy.buttons)):
        if time.monotonic() >= end_s:
            rest = f"after {what} the device does not come back to rest (a trigger cannot be a motion)"
            why = rest if answered else f"no {what}"
            raise UserError(f"{why}, within {_ANSWER_S:g} s; nothing is written")
        _spin(client, 0.02)
        answered = answered or answer()


def _settle(client: "SessionClient", joy: "JoyListener") -> None:
    """Wait for some messages."""
    first, end_s = joy.count, time.monotonic() + _HEARD_S
    while joy.count < first + _SETTLED:
        if time.monotonic() >= end_s:
            raise UserError(f"fewer than {_SETTLED} messages in {_HEARD_S:g} s: the driver must repeat them")
        _spin(client, 0.05)


def _write(path: Path, survey: Survey, names: list[str], driver: dict[str, object] | None) -> None:
    """Check the answers as every joystick's file is checked, and only then write them."""
    from drift_config.loader import parse
    from drift_control.teleop.joystick import JoystickConfig

    content = survey.file(path.stem, names[:1], driver)
    parse(content, JoystickConfig, str(path))
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
    with path.open("x", encoding="utf-8") as file:
        file.write(f"# Written by drift joystick, asked motion by motion.\n{text}")
    print(f"written: {path}; use it with: drift up joystick:={path.stem} expert:=joystick")
