import numpy as np
import pytest
from drift_control.robot.motion import Motion, MotionState, approach_velocity

DT_S = 0.02


@pytest.fixture
def motion(panda):
    return Motion(panda, DT_S)


def run(motion, state, ticks, velocity):
    """Return the states of some ticks toward a velocity of all joints."""
    states = [state]
    for _ in range(ticks):
        states.append(motion.toward(states[-1], np.full(7, velocity)))
    return states


def test_half_a_radian_per_second_is_reached_after_a_tenth_plus_a_twentieth(motion, panda):
    # At 5 rad/s^2 and 100 rad/s^3: v / a + a / j = 0.1 + 0.05 = 0.15 s.
    states = run(motion, MotionState.standstill(panda.home), 8, 0.5)
    assert states[-1].v == pytest.approx(np.full(7, 0.5), abs=2e-3)
    assert states[6].v.max() < 0.49  # not yet after 0.12 s


def test_braking_distance_from_half_a_radian_per_second(motion, panda):
    # Braking builds its 5 rad/s^2 up at 250 rad/s^3: v / a + a / j = 0.1 + 0.02 = 0.12 s. With a trapezoid of
    # the acceleration the way is v / 2 times the time: 0.25 * 0.12 = 0.03 rad.
    state = MotionState(panda.home, np.full(7, 0.5), np.zeros(7))
    path = motion.braking_path(state)
    assert path.times_s[-1] == pytest.approx(0.12, abs=1e-3)
    assert path.q[-1] - panda.home == pytest.approx(np.full(7, 0.03), abs=1e-4)


def test_braking_while_speeding_up_takes_less_than_a_tenth_longer_than_at_full_deceleration(motion, panda):
    # From 0.5 rad/s and +5 rad/s^2: 5 / 250 = 0.02 s and 0.05 rad/s more until it slows down, then as above.
    state = MotionState(panda.home, np.full(7, 0.5), np.full(7, 5.0))
    assert motion.braking_path(state).times_s[-1] == pytest.approx(0.02 + 0.55 / 5.0 + 0.02, abs=1e-3)
    assert motion.braking_path(state).times_s[-1] < 0.5 / 5.0 + 0.1


def test_braking_ends_exactly_still_and_where_its_path_said(motion, panda):
    state = MotionState(panda.home, np.linspace(-0.5, 1.0, 7), np.linspace(3.0, -3.0, 7))
    end = motion.braking_path(state).q[-1]
    for _ in range(30):
        state = motion.brake(state)
    assert state.still
    assert np.allclose(state.q, end, atol=1e-9)


def test_random_wishes_keep_acceleration_and_jerk(motion, panda):
    rng = np.random.default_rng(0)
    states = [MotionState.standstill(panda.home)]
    braked = rng.random(500) < 0.1
    for brake in braked:
        wish = rng.uniform(-1, 1, 7) * panda.velocity
        states.append(motion.brake(states[-1]) if brake else motion.toward(states[-1], wish))
    velocity = np.array([state.v for state in states])
    acceleration = np.array([state.a for state in states])
    assert (np.abs(velocity) <= panda.velocity * (1 + 1e-9)).all()
    assert (np.abs(acceleration) <= panda.acceleration).all()
    jerk = np.abs(np.diff(acceleration, axis=0)) / DT_S
    assert (jerk[~braked] <= panda.jerk).all()
    assert (jerk[braked] <= panda.braking_jerk).all()
    assert jerk[braked].max() > 200.0  # and is used


def test_approach_is_proportional_when_near_and_can_brake_when_far():
    # Near: 6 * 0.01. Far: half of the acceleration brakes from v within e when v^2 = a e: sqrt(5 * 0.8) = 2.
    assert approach_velocity(np.array([0.01, -0.8]), 6.0, np.array([5.0, 5.0])) == pytest.approx([0.06, -2.0])
