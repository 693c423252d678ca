"""The SpaceMouse's driver: what the device reports, when it is lost, and the gate behind it."""

import builtins
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.gate.state import Reason, State
from expert_gate_node.ros.spacemouse import SpaceMouseNode
from expert_gate_node.spacemouse import DeviceLost, SpaceMouse, open_mouse
from rclpy.parameter import Parameter

STILL = dict.fromkeys(("x", "y", "z", "roll", "pitch", "yaw"), 0.0)


class FakeDevice:
    """Stands for a device of pyspacemouse 2.1.0 at its `read`: one report a call, one state object."""

    def __init__(self, n_buttons=2):
        self.state = SimpleNamespace(t=-1.0, buttons=[0] * n_buttons, **STILL)
        self.reports, self.reads, self.closed = [], 0, False
        self.pushed = {}  # deflections that are reported at each read
        self.broken = False

    def report(self, buttons=None, **deflections):
        self.reports.append((buttons, deflections))

    def read(self):
        self.reads += 1
        if self.broken:
            raise Exception("Failed to read from HID device: -1")  # as easyhid.HIDException is
        if self.pushed and not self.reports and self.reads % 2:
            self.report(**self.pushed)
        if self.reports:
            buttons, deflections = self.reports.pop(0)
            vars(self.state).update(deflections, t=self.state.t + 1.0)
            self.state.buttons = buttons or self.state.buttons
        return self.state

    def close(self):
        self.closed = True


def test_all_reports_that_wait_are_taken_in_and_the_newest_counts():
    device = FakeDevice()
    mouse = SpaceMouse(device, 0.0)
    for i in range(5):
        device.report(x=0.1 * i)
    device.report(buttons=[1, 0], yaw=-0.5)
    assert mouse.read(0.02) == ((pytest.approx(0.4), 0.0, 0.0, 0.0, 0.0, -0.5), (1, 0))
    assert device.reads == 7


def test_a_cap_that_reports_no_more_has_come_back_and_its_buttons_are_still_held():
    device = FakeDevice()
    mouse = SpaceMouse(device, 0.0)
    device.report(buttons=[1, 0], x=1.0)
    assert mouse.read(0.0)[0][0] == 1.0
    assert mouse.read(0.24)[0][0] == 1.0
    assert mouse.read(0.26) == ((0.0,) * 6, (1, 0))
    device.report(x=0.5)
    assert mouse.read(0.3)[0][0] == 0.5


def test_what_is_not_a_number_is_rest():
    device = FakeDevice()
    device.report(x=float("nan"), y=0.5)
    assert SpaceMouse(device, 0.0).read(0.0)[0] == (0.0,) * 6


def test_a_device_that_cannot_be_read_is_closed_and_lost_with_its_reason():
    device = FakeDevice()
    device.broken = True
    with pytest.raises(DeviceLost, match=r"cannot be read any more \(Failed to read from HID device: -1\)"):
        SpaceMouse(device, 0.0).read(0.0)
    assert device.closed


def library(raised):
    """Return something like pyspacemouse whose `open` fails as the real one does."""

    def fail(device, axis_convention):
        raise raised

    return SimpleNamespace(open=fail, AxisConvention=SimpleNamespace(ROS="ros"))


def test_what_is_missing_is_said_with_what_to_do(monkeypatch):
    real = builtins.__import__

    def without(name, *others, **more):
        if name == "pyspacemouse":
            raise ModuleNotFoundError("No module named 'pyspacemouse'")
        return real(name, *others, **more)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without)
        with pytest.raises(ConfigError, match=r"No module named .* pip install pyspacemouse==2\.1\.0"):
            open_mouse("")
    cases = (
        (RuntimeError("HID API is probably not installed."), ConfigError, "libhidapi-hidraw0"),
        (ValueError("Unknown device: 'mouse'. Available: []"), ConfigError, "device='mouse': Unknown device"),
        (RuntimeError("No connected or supported devices found."), DeviceLost, "No connected .* udev"),
    )
    for raised, error, text in cases:
        monkeypatch.setitem(sys.modules, "pyspacemouse", library(raised))
        with pytest.raises(error, match=text):
            open_mouse("mouse")


def test_the_arm_follows_a_spacemouse_and_is_held_when_it_is_pulled_out(stage, patient_robot):
    device, world = FakeDevice(), stage.world
    path = stage.files / "spacemouse.yaml"
    text = (stage.config_folder / "joysticks" / "spacemouse.yaml").read_text()
    path.write_text(text.replace(" silent_s: 0.25", " silent_s: 1.0"))
    parameters = [Parameter("rate_hz", value=50.0), Parameter("device", value="")]
    opened = []

    def open_device(name):
        opened.append(name)
        if len(opened) == 1:
            raise DeviceLost("not plugged in yet")
        if device.broken:
            raise DeviceLost("unplugged")
        return device

    arguments = ["--ros-args", "-r", "joy:=mouse/joy"]
    mouse = SpaceMouseNode(open_device, parameter_overrides=parameters, cli_args=arguments)
    stage.neighbours.append(mouse)
    stage.executor.add_node(mouse)
    stage.start(
        robot_file=str(patient_robot),
        joystick_file=str(path),
        joy_topics=["mouse/joy", "expert/joy"],
        joysticks_beside=["scripted"],
    ).sees_the_arm()
    stage.spin(lambda: not stage.gate._out.controller.objection(), "controller")
    stage.spin(lambda: stage.gate._inbox._newest.joys and not stage.gate._tick.refused, "device at rest")
    assert stage.call(world.arm).success
    before = np.array(world.steps[-1].action[:3])

    device.report(buttons=[1, 0])
    stage.spin(lambda: world.state.state == State.EXPERT, "take-over")
    device.pushed = {"y": 1.0}
    stage.spin(lambda: world.steps[-1].action[1] - before[1] > 0.03, "motion to the left")
    device.pushed = {"y": 0.0}
    device.report(buttons=[0, 0])
    stage.spin(lambda: world.state.state == State.HOLD, "hand-back")
    assert world.state.reason == Reason.WAITING_FOR_CHUNK

    device.report(buttons=[1, 0])
    stage.spin(lambda: world.state.state == State.EXPERT, "second take-over")
    device.broken = True
    stage.spin(lambda: world.state.state == State.HOLD, "hold")
    assert world.state.reason == Reason.JOY_LOST and world.state.text.startswith("mouse/joy is silent")
