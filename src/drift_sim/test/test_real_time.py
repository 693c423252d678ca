import pytest
from drift_sim.real_time import RealTime


def test_steps_add_up_to_the_time_that_has_passed():
    clock = RealTime(0.002)
    steps = [clock.steps_due(10.0 + 0.0101 * k) for k in range(101)]
    assert steps[0] == 0
    assert sum(steps) == 505  # 1.01 s


def test_a_long_stall_is_not_caught_up_and_shows_in_the_factor():
    clock = RealTime(0.002)
    clock.steps_due(0.0)
    assert clock.steps_due(1.0) == 125  # 0.25 s
    assert clock.factor() == pytest.approx(0.25)
