"""drift joystick: what is connected, asked motion by motion, written once and read by the strict loader."""

import threading
from types import SimpleNamespace

import pytest
from drift.cli import app
from drift.commands import joystick as command
from drift.configuration import share_folder
from drift.errors import UserError
from drift.joystick.devices import device_names, spacemice
from drift.joystick.survey import BUTTONS, QUESTIONS, Survey
from drift_control.inputs import JoyReading, LeaderReading, PoseReading
from drift_control.teleop.joystick import load_joystick
from drift_interfaces.msg import GateState
from drift_ros import qos
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Joy
from typer.testing import CliRunner

LISTING = """I: Bus=0003 Vendor=046d Product=c21d Version=4014
N: Name="Logitech Gamepad F310"
H: Handlers=event5 js1

I: Bus=0011 Vendor=0001 Product=0001 Version=ab41
N: Name="AT Translated Set 2 keyboard"
H: Handlers=sysrq kbd leds event0

N: Name="Wireless Controller"
H: Handlers=event7 js0
"""
REST = (0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0)  # axes 2 and 5 are triggers


def moved(index, value):
    return tuple(value if i == index else rest for i, rest in enumerate(REST))


def test_the_names_are_those_of_the_system(tmp_path):
    (tmp_path / "devices").write_text(LISTING)
    assert device_names(tmp_path / "devices") == ["Wireless Controller", "Logitech Gamepad F310"]
    assert device_names(tmp_path / "none") == []


def test_a_motion_is_the_axis_that_moves_far_with_its_sign():
    survey = Survey(REST, 13)
    assert not survey.motion("x", moved(1, 0.5))
    assert survey.motion("x", moved(1, 0.7))
    assert survey.motion("y", moved(0, -0.8))
    assert survey.motion("roll", moved(6, -1.0))  # at once: a cross
    assert survey.axes == {
        "x": {"index": 1},
        "y": {"index": 0, "sign": -1},
        "roll": {"index": 6, "sign": -1, "jumps": True},
    }


def test_a_question_is_over_when_every_axis_is_back_at_its_rest():
    survey, none = Survey(REST, 13), (0,) * 13
    assert survey.motion("x", moved(1, 0.7))
    assert survey.left_alone(REST, none)
    for touched in (moved(1, 0.7), moved(0, 1.0), moved(5, -1.0)):  # itself, another stick, a trigger
        assert not survey.left_alone(touched, none)
    assert not survey.left_alone(REST, (0,) * 12 + (1,))


def test_each_question_begins_at_rest():
    survey = Survey(REST, 13)
    assert not survey.motion("x", (0.2, 0.5, *REST[2:]))
    assert survey.motion("x", (0.2, 0.7, *REST[2:]))
    assert survey.motion("y", moved(0, 1.0))  # at once from its rest, not from the 0.2 of the question before
    assert survey.axes["y"] == {"index": 0, "jumps": True}


def test_a_trigger_that_said_nothing_before_it_was_pulled_may_be_a_button():
    survey = Survey((0.0,) * 8, 13)  # axis 5 in truth rests at 1.0
    survey.motion("x", moved(1, 0.7))
    assert survey.button("enable", (1,) + (0,) * 12)
    assert survey.left_alone((0.0,) * 5 + (1.0, 0.0, 0.0), (0,) * 13)
    assert not survey.left_alone((0.0, 0.7, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (0,) * 13)


def test_a_trigger_is_no_motion():
    with pytest.raises(UserError, match=r"axis 5 rests at \+1.0: a trigger .* cannot be z"):
        Survey(REST, 13).motion("z", moved(5, -0.2))


class Pad:
    """Plays client and listener: a device whose owner answers every question, one after the other."""

    def __init__(self, gate_at=None):
        self.count, self.axes, self.buttons = 0, REST, (0,) * 13
        self.gate_state, self._gate_at = None, gate_at  # at which look a gate is heard

    def spin(self, seconds):
        self.count += 1
        self.gate_state = "HOLD" if self.count == self._gate_at else None
        answer, at_rest = divmod(self.count - command._SETTLED - 2, 2)
        self.axes, self.buttons = REST, (0,) * 13
        if answer < 0 or at_rest:
            return
        if answer < 6:
            self.axes = moved((0, 1, 3, 4, 6, 7)[answer], 1.0)
        else:
            self.buttons = tuple(int(i == answer - 6) for i in range(13))


def test_the_answers_become_a_file_that_is_never_overwritten(tmp_path, monkeypatch):
    (tmp_path / "config/joysticks").mkdir(parents=True)
    monkeypatch.setattr(command, "share_folder", lambda: tmp_path)
    pad, target, driver = Pad(), command._target("mine"), command._driver("logitech")
    survey = command.ask(pad, pad)
    assert (list(survey.axes), list(survey.buttons)) == (list(QUESTIONS), list(BUTTONS))
    command._write(target, survey, ["Wireless Controller"], driver)
    config = load_joystick(target).config
    assert config.driver == load_joystick(share_folder() / "config/joysticks/logitech.yaml").config.driver
    assert (config.n_axes, config.n_buttons, config.device_names) == (8, 13, ("Wireless Controller",))
    assert [axis.index for axis in config.axes.values()] == [0, 1, 3, 4, 6, 7]
    with pytest.raises(UserError, match="exists already"):
        command._target("mine")
    with pytest.raises(FileExistsError):
        command._write(target, survey, [], None)


class SwungStick(Pad):
    """A stick that goes from forward to left without centring, is held there, let go, and asked for left."""

    PATH = ((0.0, 0.5), (0.0, 1.0), (0.75, 0.25), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0))
    LEFT = ((0.5, 0.0), (1.0, 0.0), (0.0, 0.0))

    def spin(self, seconds):
        super().spin(seconds)
        look = self.count - command._SETTLED - 2
        swing = (*self.PATH, *self.LEFT)
        self.axes, self.buttons = REST, (0,) * 13
        if 0 <= look < len(swing):
            self.axes = (swing[look][0], swing[look][1], *REST[2:])
        elif look >= len(swing):
            raise KeyboardInterrupt


def test_a_stick_that_is_swung_from_motion_to_motion_does_not_jump(monkeypatch):
    pad, answers = SwungStick(), {}
    monkeypatch.setattr(command, "Survey", lambda *args: answers.setdefault("survey", Survey(*args)))
    with pytest.raises(KeyboardInterrupt):
        command.ask(pad, pad)
    assert answers["survey"].axes == {"x": {"index": 1}, "y": {"index": 0}}


@pytest.mark.parametrize("look", [1, 3, 40])  # before the first question, while it settles, between two
def test_where_a_gate_is_heard_nothing_is_asked_any_more(look):
    pad = Pad(gate_at=look)
    with pytest.raises(UserError, match="a gate is running, and it would obey .* nothing is written"):
        command.ask(pad, pad)
    assert pad.count == look


def test_where_a_gate_runs_drift_joystick_writes_nothing(ros, tmp_path, monkeypatch):
    (tmp_path / "config/joysticks").mkdir(parents=True)
    monkeypatch.setattr(command, "share_folder", lambda: tmp_path)
    node = Node("expert_gate")
    gate = node.create_publisher(GateState, "gate/state", qos.LATCHED)
    gate.publish(GateState(state=GateState.HOLD))
    joy = node.create_publisher(Joy, "joy", qos.JOY)
    message = Joy(axes=list(REST), buttons=[0] * 13)
    node.create_timer(0.02, lambda: joy.publish(message))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        result = CliRunner().invoke(app, ["joystick", "--write", "mine"])
    finally:
        executor.shutdown()
        thread.join(timeout=5.0)
        node.destroy_node()
    assert isinstance(result.exception, UserError), result.output
    assert "a gate is running" in str(result.exception) and "hands off" not in result.output
    assert not list((tmp_path / "config/joysticks").iterdir())


def test_what_cannot_be_written_is_said_before_anything_is_asked(tmp_path, monkeypatch):
    result = CliRunner().invoke(app, ["joystick", "--write", "mine", "--like", "gamepda"])
    assert str(result.exception).startswith("joystick=gamepda must be one of: ")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/joysticks").symlink_to("/sys")  # where even root writes nothing
    monkeypatch.setattr(command, "share_folder", lambda: tmp_path)
    result = CliRunner().invoke(app, ["joystick", "--write", "mine"])
    assert isinstance(result.exception, UserError)
    assert "config/joysticks must be a folder that can be written to: " in str(result.exception)
    assert result.output == ""


@pytest.mark.parametrize("name", ["../gamepad", "a/b", "a b", ".yaml"])
def test_a_name_is_no_path(name):
    with pytest.raises(UserError, match="must be a name"):
        command._target(name)


def test_without_a_device_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(command, "_HEARD_S", 0.2)
    result = CliRunner().invoke(app, ["joystick"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("nothing on joy within 0.2 s; ")
    assert "ros2 run joy joy_node" in str(result.exception)


@pytest.mark.parametrize(
    ("name", "shape", "enable", "stop", "z", "triggers"),
    [
        ("gamepad", (8, 11), 5, 6, 4, {2, 5}),
        ("playstation", (8, 13), 5, 8, 4, {2, 5}),
        ("xbox_bluetooth", (8, 16), 7, 10, 3, {4, 5}),
        ("logitech", (6, 12), 5, 8, 3, set()),
    ],
)
def test_the_profiles_say_what_the_sources_say(name, shape, enable, stop, z, triggers):
    path = share_folder() / f"config/joysticks/{name}.yaml"
    config = load_joystick(path).config
    assert (config.n_axes, config.n_buttons) == shape
    assert (config.buttons.enable, config.buttons.stop, config.axes["z"].index) == (enable, stop, z)
    assert not triggers & {axis.index for axis in config.axes.values()}
    assert config.axes["roll"].jumps and config.axes["pitch"].jumps and config.device_names
    assert "Not verified on hardware" in path.read_text()


def test_a_spacemouse_is_found_by_its_maker_and_nothing_else_is(tmp_path):
    known = {
        "hidraw0": "HID_ID=0003:0000256F:0000C635\nHID_NAME=3Dconnexion SpaceMouse Compact",
        "hidraw1": "HID_ID=0003:0000046D:0000C626\nHID_NAME=3Dconnexion SpaceNavigator",
        "hidraw2": "HID_ID=0003:0000046D:0000C52B\nHID_NAME=Logitech USB Receiver",
    }
    for place, said in known.items():
        (tmp_path / place / "device").mkdir(parents=True)
        (tmp_path / place / "device" / "uevent").write_text(f"DRIVER=hid-generic\n{said}\n")
    (tmp_path / "hidraw3").mkdir()  # pulled out just now
    assert spacemice(tmp_path) == {
        "hidraw0": "3Dconnexion SpaceMouse Compact",
        "hidraw1": "3Dconnexion SpaceNavigator",
    }


def test_a_device_that_leads_is_one_line_with_what_the_gate_would_say():
    joy = JoyReading((), (1, 0), 0.0, 0.0)
    pose = PoseReading((0.1, -0.2, 1.0), (0.0, 0.0, 0.0, 1.0), "map", 0.0, 0.0)
    text = "vr/pose: frame_id is 'map', must be 'vr_origin'"
    shown = command.described(SimpleNamespace(joy=joy, lead=pose, look=lambda: (True, text)))
    numbers = "map: position +0.100 -0.200 +1.000 m, quaternion +0.000 +0.000 +0.000 +1.000"
    assert shown == f"{text} | {numbers} | 0 axes  | 2 buttons, held: 0"
    leader = LeaderReading(("a", "b"), (0.5, -1.0), 0.0, 0.0)
    shown = command.described(SimpleNamespace(joy=None, lead=leader, look=lambda: (False, "")))
    assert shown == "believed, enable is up | a:+0.50 b:-1.00"


def test_a_file_is_either_written_or_shown():
    result = CliRunner().invoke(app, ["joystick", "--write", "mine", "--device", "vr"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "--write mine makes a file, --device vr shows one: say either"
