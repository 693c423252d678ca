"""A keyboard as a joystick: nothing goes on when nobody holds a key."""

import os
import pty
import termios
from types import SimpleNamespace

import pytest
from drift.cli import app
from drift.commands.teleop import Teleop
from drift.configuration import config_file
from drift.errors import UserError
from drift.teleop.keyboard import Keyboard
from drift.teleop.terminal import KeyTerminal
from drift_control.teleop.joystick import load_joystick
from typer.testing import CliRunner


def test_a_tap_moves_for_a_moment_and_enables_until_a_repeat_could_come():
    keyboard = Keyboard()
    keyboard.press("w", 10.0)
    assert keyboard.stick(10.1).linear == (1.0, 0.0, 0.0)
    assert keyboard.stick(10.16).linear == (0.0, 0.0, 0.0)  # held for 0.15 s
    assert keyboard.stick(10.79).enabled
    assert not keyboard.stick(10.81).enabled


def test_a_key_that_repeats_is_held():
    keyboard = Keyboard()
    for i in range(50):
        keyboard.press("d", 10.0 + 0.04 * i)
    stick = keyboard.stick(11.99)
    assert (stick.enabled, stick.linear) == (True, (0.0, -1.0, 0.0))


def test_opposite_keys_cancel_and_space_only_enables():
    keyboard = Keyboard()
    for key in "rf ":
        keyboard.press(key, 5.0)
    stick = keyboard.stick(5.01)
    assert (stick.enabled, stick.linear, stick.gripper) == (True, (0.0, 0.0, 0.0), 0)


def test_stop_lets_go_of_everything_and_stays_so():
    keyboard = Keyboard()
    keyboard.press("w", 5.0)
    keyboard.press("x", 5.01)
    stick = keyboard.stick(5.02)
    assert (stick.enabled, stick.pressed, stick.linear) == (False, frozenset({"stop"}), (0.0, 0.0, 0.0))
    assert not keyboard.stick(5.3).enabled


def test_arming_does_not_take_over_and_other_keys_mean_nothing():
    keyboard = Keyboard()
    for key in "mz\x1b":
        keyboard.press(key, 5.0)
    stick = keyboard.stick(5.01)
    assert (stick.enabled, stick.pressed) == (False, frozenset({"arm"}))


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_the_terminal_is_put_back_whatever_happens(error):
    person, program = pty.openpty()
    before = termios.tcgetattr(program)
    try:
        with KeyTerminal(program) as terminal:
            assert not termios.tcgetattr(program)[3] & (termios.ICANON | termios.ECHO)
            os.write(person, b"w")  # no line end
            assert terminal.keys(1.0) == "w"
            assert terminal.keys(0.0) == ""
            if error is not None:
                raise error
    except (KeyboardInterrupt, RuntimeError):
        pass
    assert termios.tcgetattr(program) == before
    os.close(person)
    os.close(program)


def test_without_a_terminal_it_says_so():
    result = CliRunner().invoke(app, ["teleop"], input="")
    assert isinstance(result.exception, UserError)


@pytest.mark.parametrize(
    ("state", "shown"), [(3, "EXPERT: why"), (5, "GUIDED: why"), (6, "state 6: why"), (255, "state 255:")]
)
def test_a_state_that_it_does_not_know_is_shown_by_its_number(capsys, state, shown):
    looks = iter(["", None])  # the terminal ends after one of them
    terminal = SimpleNamespace(keys=lambda wait_s: next(looks))
    client = SimpleNamespace(gate_state=SimpleNamespace(state=state, text="why"), spin=lambda wait_s: None)
    joy = SimpleNamespace(publish=lambda axes, buttons: None)
    Teleop(load_joystick(config_file("joystick", "keyboard")), 0.5, client, joy).run(terminal)
    assert shown in capsys.readouterr().out
