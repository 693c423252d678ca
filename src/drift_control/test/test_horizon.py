"""The rolling horizon: where its points lie, and that one goes over into the next."""

import numpy as np
import pytest
from drift_control.horizon import RollingHorizon
from hypothesis import given
from hypothesis import strategies as st

DT_S = 0.02


def horizons(low=-1.0, high=1.0):
    return RollingHorizon(DT_S, np.array([low]), np.array([high]))


def send(rolling, q, v, now_s):
    return rolling.next(np.array([q]), np.array([v]), now_s)


def test_after_a_silence_the_horizon_is_rest_at_the_command_however_fast_that_is():
    rolling = horizons()
    first = send(rolling, 0.3, 0.5, 10.0)
    assert first.q.ravel().tolist() == [0.3] * 4 and not first.v.any()
    send(rolling, 0.31, 0.5, 10.02)
    rolling.forget()  # somebody moves the arm by 0.8 rad
    assert send(rolling, -0.5, 0.0, 12.0).q.ravel().tolist() == [-0.5] * 4


def test_it_goes_on_for_one_period_at_full_speed_and_rests_half_a_step_further():
    rolling = horizons()
    send(rolling, 0.30, 0.0, 10.0)
    horizon = send(rolling, 0.31, 0.5, 10.02)  # 0.5 rad/s: 10 mrad per period
    assert horizon.due_s == pytest.approx([0.0, 0.02, 0.04, 0.06])
    assert horizon.q.ravel() == pytest.approx([0.30, 0.31, 0.32, 0.325])
    assert horizon.v.ravel() == pytest.approx([0.0, 0.5, 0.5, 0.0])


@pytest.mark.parametrize("late_s", [0.005, -0.005, 0.02])  # late, early, and one lost
def test_the_first_point_is_where_the_horizon_before_leads_by_now(late_s):
    rolling = horizons()
    send(rolling, 0.30, 0.0, 10.0)
    before = send(rolling, 0.31, 0.5, 10.02)
    now_s = 10.04 + late_s
    horizon = send(rolling, 0.32, 0.5, now_s)
    expected_rad = {0.005: 0.3125, -0.005: None, 0.02: 0.32}[late_s]  # at 0.5 rad/s beyond the command
    if expected_rad is not None:
        assert horizon.q[0, 0] == pytest.approx(expected_rad)
    q, v = before.at(now_s - 10.02)
    assert (horizon.q[0, 0], horizon.v[0, 0]) == pytest.approx((q[0], v[0]))


def test_nothing_goes_beyond_a_limit_of_the_joints_and_speed_ends_there():
    rolling = horizons(high=0.315)
    send(rolling, 0.30, 0.0, 10.0)
    horizon = send(rolling, 0.31, 0.5, 10.02)
    assert horizon.q.ravel() == pytest.approx([0.30, 0.31, 0.315, 0.315])
    assert horizon.v.ravel() == pytest.approx([0.0, 0.5, 0.0, 0.0])


def test_a_command_that_is_outside_already_is_sent_as_it_is():
    horizon = send(horizons(high=0.2), 0.3, 0.0, 10.0)
    assert horizon.q.ravel().tolist() == [0.3] * 4


@given(
    st.lists(
        st.tuples(st.floats(-5.0, 5.0), st.floats(0.002, 0.2)), min_size=2, max_size=30
    )  # acceleration [rad/s^2] over a period, time until the next message [s]
)
def test_position_and_velocity_have_no_step_whatever_the_times_of_the_messages(course):
    rolling, q, v, now_s, before = horizons(), 0.0, 0.0, 10.0, None
    for acceleration, pause_s in course:
        q, v = q + v * DT_S + 0.5 * acceleration * DT_S**2, v + acceleration * DT_S
        horizon = send(rolling, q, v, now_s)
        if before is not None:
            assert np.allclose(horizon.q[0], before[0]) and np.allclose(horizon.v[0], before[1])
        assert horizon.due_s[0] == 0.0 and not horizon.v[-1].any()
        assert (np.diff(horizon.due_s) > 0.0).all()
        before, now_s = horizon.at(pause_s), now_s + pause_s
