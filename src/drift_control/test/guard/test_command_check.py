"""The last look at a command."""

from dataclasses import replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.gate.config import GateConfig
from drift_control.guard.command import CommandCheck
from drift_control.testing.bench import GATE


def check_of(robot, interface, rate_hz=50.0):
    return CommandCheck(
        GateConfig(**{**GATE, "rate_hz": rate_hz}), replace(robot.config, command_interface=interface)
    )


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_for_every_controller(ur5e, interface, bad):
    check = check_of(ur5e, interface)
    check.check(ur5e.home, 0.08, ur5e.home)
    with pytest.raises(ArithmeticError, match="must be finite"):
        check.check(np.where(np.arange(6) == 3, bad, ur5e.home), 0.08, ur5e.home)
    with pytest.raises(ArithmeticError, match="must be finite"):
        check.check(ur5e.home, bad, ur5e.home)


def test_a_step_of_a_position_stream_is_35_mrad_at_most(ur5e):
    check = check_of(ur5e, "forward_position")
    check.check(ur5e.home, 0.08, ur5e.home)
    check.check(ur5e.home + 0.0349, 0.08, ur5e.home)
    with pytest.raises(ArithmeticError, match=r"at most 0.035 rad from the last, got 0.0360"):
        check.check(ur5e.home + 0.0349 + 0.036, 0.08, ur5e.home)


@pytest.mark.parametrize("interface", ["forward_position", "joint_trajectory"])
def test_the_first_message_is_35_mrad_from_the_measured_pose_at_most(ur5e, interface):
    # the first point of a trajectory is due at once
    check, moved = check_of(ur5e, interface), ur5e.home + 1.0
    with pytest.raises(ArithmeticError, match=r"at most 0.035 rad from the measured pose, got 0.0360"):
        check.check(ur5e.home + 0.036, 0.08, ur5e.home)
    check.check(ur5e.home, 0.08, ur5e.home)
    check.forget()  # after a silence the arm may be anywhere
    with pytest.raises(ArithmeticError, match=r"at most 0.035 rad from the measured pose, got 1.0000"):
        check.check(ur5e.home, 0.08, moved)
    check.check(moved + 0.034, 0.08, moved)


def test_a_rate_that_would_need_larger_steps_is_refused_with_both_numbers(ur5e):
    # 1.57 rad/s: 31.4 mrad at 50 Hz, 39.3 at 40 Hz
    check_of(ur5e, "forward_position", 50.0)
    check_of(ur5e, "joint_trajectory", 40.0)
    said = r"rate_hz=40.0 makes 39.2 mrad per message .* allowed: 35; rate_hz must be at least 44.9"
    with pytest.raises(ConfigError, match=said):
        check_of(ur5e, "forward_position", 40.0)
