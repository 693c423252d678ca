import numpy as np
import pytest
from drift.demo.timing import control_timing


def test_a_tick_more_than_one_period_late_is_counted_and_attributed_to_a_near_swap():
    stamps = np.array([0.00, 0.02, 0.04, 0.09, 0.11, 5.00, 5.02])  # 50 ms and 4.89 s are late at 20 ms
    figures, periods = control_timing([stamps], period_s=0.02, swap_stamps_s=[0.3])
    assert figures["late_control_ticks"] == 2
    assert figures["late_control_ticks_ratio"] == pytest.approx(2 / 6)
    assert figures["late_ticks_at_swaps"] == 1  # the one at 0.09 s; 5.00 s is 4.7 s away
    assert figures["control_period_p50_ms"] == pytest.approx(20.0)
    assert len(periods) == 6


def test_the_pause_between_two_episodes_is_no_period():
    figures, _ = control_timing([np.array([0.0, 0.02]), np.array([9.0, 9.02])], 0.02, [])
    assert figures["late_control_ticks"] == 0


def test_without_steps_there_are_no_figures():
    assert control_timing([], 0.02, [])[0] == {}
