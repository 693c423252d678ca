import math
from dataclasses import replace

import numpy as np
import pytest
import yaml
from drift_config.errors import ConfigError
from drift_config.loader import load_yaml, parse
from drift_control.inputs import JoyReading
from drift_control.teleop.joystick import MOTIONS, Joystick, JoystickConfig
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

part = st.floats(-0.11, 0.11)
turn = st.floats(-0.5, 0.5)


def reading(axes=None, buttons=()):
    """Return a gamepad message with some axes deflected and some buttons held."""
    values = [0.0] * 8
    for index, value in (axes or {}).items():
        values[index] = value
    return JoyReading(tuple(values), tuple(int(i in buttons) for i in range(11)), 0.0, 0.0)


def test_half_deflection_follows_dead_zone_and_response_curve(joystick):
    # (0.54 - 0.08) / 0.92 = 0.5; 0.5^1.5 = 0.35355; times 0.2 m/s
    command = joystick.command(reading({1: 0.54}, buttons=[5]))
    assert command.enabled
    assert np.allclose(command.motion.linear_m_s, [0.2 * 0.5**1.5, 0, 0])


def test_the_dead_zone_is_still(joystick):
    assert not joystick.command(reading({1: 0.079, 3: -0.08}, buttons=[5])).motion.linear_m_s.any()


def test_nothing_moves_without_the_enable_button(joystick):
    command = joystick.command(reading({1: 1.0}, buttons=[0]))
    assert not command.enabled
    assert not command.motion.linear_m_s.any() and command.gripper_rate_m_s == 0.0


def test_full_deflection_on_all_axes_is_no_faster_than_on_one(joystick):
    command = joystick.command(reading({0: 1.0, 1: 1.0, 4: 1.0}, buttons=[5]))
    assert np.linalg.norm(command.motion.linear_m_s) == pytest.approx(0.2)


def test_the_fine_button_quarters_the_speed(joystick):
    command = joystick.command(reading({1: 1.0}, buttons=[5, 4]))
    assert np.allclose(command.motion.linear_m_s, [0.05, 0, 0])


@pytest.fixture(scope="module")
def slow_z(joystick):
    """The gamepad with half the speed up and down."""
    axes = {**joystick.config.axes, "z": replace(joystick.config.axes["z"], scale=0.5)}
    return Joystick(replace(joystick.config, axes=axes))


def test_an_axis_can_be_slower_than_the_others(slow_z):
    command = slow_z.command(reading({1: 1.0, 4: 0.0}, buttons=[5]))
    assert np.allclose(command.motion.linear_m_s, [0.2, 0.0, 0.0])
    command = slow_z.command(reading({4: 1.0}, buttons=[5]))
    assert np.allclose(command.motion.linear_m_s, [0.0, 0.0, 0.1])


def test_encode_knows_of_the_slower_axis_and_shortens_to_what_it_can(slow_z):
    def back(linear):
        axes, buttons = slow_z.encode(True, linear, (0, 0, 0), 0)
        return slow_z.command(JoyReading(axes, buttons, 0.0, 0.0)).motion.linear_m_s

    assert np.allclose(back((0.05, 0.0, 0.08)), [0.05, 0.0, 0.08])
    assert np.allclose(back((0.0, 0.12, 0.16)), [0.0, 0.075, 0.1])  # up at most 0.1, in the same direction


def test_a_device_with_two_buttons_enables_and_stops(config_folder):
    data = yaml.safe_load((config_folder / "joysticks/gamepad.yaml").read_text())
    data |= {"name": "spacemouse", "n_axes": 6, "n_buttons": 2, "speed_steps": []}
    data |= {"buttons": {"enable": 0, "stop": 1}}
    data["axes"] = {motion: {"index": i} for i, motion in enumerate(MOTIONS)}
    mouse = Joystick(parse(data, JoystickConfig, "spacemouse.yaml"))
    axes = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    command = mouse.command(JoyReading(axes, (1, 0), 0.0, 0.0))
    assert command.enabled and np.allclose(command.motion.linear_m_s, [0.0, 0.0, 0.2])
    assert (command.gripper_rate_m_s, command.marks, command.arm, command.stop) == (
        0.0,
        frozenset(),
        False,
        False,
    )
    assert mouse.command(JoyReading(axes, (0, 1), 0.0, 0.0)).stop
    with pytest.raises(ValueError, match="arm: spacemouse has no such button; it has enable, stop"):
        mouse.encode(False, (0, 0, 0), (0, 0, 0), 0, pressed=frozenset({"arm"}))


def test_gripper_buttons_open_close_and_cancel_each_other(joystick):
    rates = [joystick.command(reading(buttons=[5, *held])).gripper_rate_m_s for held in ([1], [0], [0, 1])]
    assert rates == [0.1, -0.1, 0.0]


def test_marks_stop_and_arm_work_without_enable(joystick):
    command = joystick.command(reading(buttons=[2, 3, 6, 7, 9, 10]))
    assert command.marks == {"success", "failure", "start", "end"}
    assert command.stop and command.arm and not command.enabled


def test_while_enable_is_held_no_episode_is_started_or_ended(joystick):
    assert joystick.command(reading(buttons=[5, 2, 3, 9, 10])).marks == {"success", "failure"}


@pytest.mark.parametrize("axes", [(0.0,) * 7, (0.0,) * 9, (0.0,) * 7 + (math.nan,)])
def test_a_broken_message_enables_nothing_but_can_stop(joystick, axes):
    command = joystick.command(JoyReading(axes, (0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0), 0.0, 0.0))
    assert command.problem and not command.enabled and not command.arm
    assert command.stop


grip = st.sampled_from([-1, 0, 1])


@given(st.tuples(part, part, part), st.tuples(turn, turn, turn), grip, st.integers(0, 99))
def test_encode_is_the_inverse_of_command(joystick, linear, angular, gripper, count):
    axes, buttons = joystick.encode(True, linear, angular, gripper, count=count)
    command = joystick.command(JoyReading(axes, buttons, 0.0, 0.0))
    assert np.allclose(command.motion.linear_m_s, linear, atol=1e-9)
    assert np.allclose(command.motion.angular_rad_s, angular, atol=1e-9)
    assert command.gripper_rate_m_s == 0.1 * gripper
    assert max(map(abs, axes)) <= 1.0


def test_a_device_that_counts_shows_the_number_of_its_message(keyboard):
    axes, _ = keyboard.encode(True, np.zeros(3), np.zeros(3), 0, count=7)
    assert axes == (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0)
    assert keyboard.encode(True, np.zeros(3), np.zeros(3), 0, count=(1 << 20) + 7)[0][6] == 7.0


def test_encode_shortens_what_is_too_fast_and_keeps_its_direction(joystick):
    axes, buttons = joystick.encode(True, (3.0, 4.0, 0.0), (0, 0, 0), 0)
    command = joystick.command(JoyReading(axes, buttons, 0.0, 0.0))
    assert np.allclose(command.motion.linear_m_s, [0.12, 0.16, 0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dead_zone": 1.5}, "dead_zone=1.5"),
        ({"linear_speed_m_s": 0.4}, "linear_speed_m_s=0.4"),
        ({"n_buttons": 9}, "buttons.start=9 must be below n_buttons=9"),
        ({"n_axes": 4}, "axes.z.index must be below n_axes=4"),
        ({"axes": {"x": {"index": 1}}}, "axes must map y"),
        ({"wheels": 4}, "wheels"),
        ({"response_exponent": 1e9}, "response_exponent=1000000000.0 must .*less than or equal to 5"),
        ({"angular_speed_rad_s": 1e6}, "angular_speed_rad_s=1000000.0 must .*less than or equal to 2"),
        ({"gripper_speed_m_s": 1e6}, "gripper_speed_m_s=1000000.0 must .*less than or equal to 0.5"),
        (
            {"speed_steps": [{"button": 6, "scale": 0.5}]},
            r"speed_steps\[0\].button=6 must not be buttons.stop",
        ),
        ({"axes": {"x": {"index": 1, "scale": 1.5}}}, "scale=1.5"),
    ],
)
def test_config_says_what_is_wrong(config_folder, change, message):
    config = load_yaml(config_folder / "joysticks/gamepad.yaml", JoystickConfig)
    with pytest.raises(ConfigError, match=message):
        parse({**TypeAdapter(JoystickConfig).dump_python(config), **change}, JoystickConfig, "pad")


def test_one_button_cannot_do_two_things(joystick):
    plain = TypeAdapter(JoystickConfig).dump_python(joystick.config)
    with pytest.raises(ConfigError, match="must be distinct"):
        parse({**plain, "buttons": {**plain["buttons"], "stop": 7}}, JoystickConfig, "pad")


def test_the_same_mapping_gives_the_same_command(joystick):
    again = Joystick(joystick.config)
    message = reading({1: 0.3}, buttons=[5])
    assert np.array_equal(
        again.command(message).motion.linear_m_s, joystick.command(message).motion.linear_m_s
    )


def test_one_axis_cannot_move_two_ways(joystick):
    plain = TypeAdapter(JoystickConfig).dump_python(joystick.config)
    axes = {**plain["axes"], "x": {"index": 0}}  # y's
    with pytest.raises(ConfigError, match=r"axes: indices \[0, 0, 4, 6, 7, 3\] must be distinct"):
        parse({**plain, "axes": axes}, JoystickConfig, "pad")
