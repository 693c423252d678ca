import pytest
from drift_control.gripper.goals import GoalPolicy, GripperGoal


@pytest.fixture
def policy(robots):
    return GoalPolicy(robots["panda"].config.gripper)  # 80 mm


def ramp(policy, openings_m, start_s=0.0):
    """Return the goals at 50 Hz, with the tick of each."""
    goals = [(i, policy.next(opening_m, start_s + 0.02 * i)) for i, opening_m in enumerate(openings_m)]
    return [(i, goal) for i, goal in goals if goal]


def test_where_the_hand_is_needs_no_goal(policy):
    assert ramp(policy, [0.04] * 100) == []


def test_less_than_a_millimetre_needs_no_goal(policy):
    assert ramp(policy, [0.04, 0.0409, 0.0391, 0.04]) == []


def test_a_closing_hand_gets_five_goals_a_second_and_ends_at_the_end(policy):
    # 0.1 m/s at 50 Hz: 2 mm a tick, 40 ticks from 80 mm to 0; goals at ticks 1, 11, 21, 31 and, at last, 41.
    goals = ramp(policy, [max(0.0, 0.08 - 0.002 * i) for i in range(100)])
    assert [i for i, _ in goals] == [1, 11, 21, 31, 41]
    assert [round(goal.opening_m, 4) for _, goal in goals] == [0.078, 0.058, 0.038, 0.018, 0.0]
    assert all(goal.closing for _, goal in goals)


def test_a_goal_that_has_ended_makes_room_at_once(policy):
    policy.next(0.08, 0.0)
    goal = policy.next(0.06, 0.02)
    assert goal == GripperGoal(0.06, closing=True)
    assert policy.next(0.05, 0.04) is None
    policy.ended(0.06)
    assert policy.next(0.05, 0.06) == GripperGoal(0.05, closing=True)


def test_the_end_of_a_goal_that_was_replaced_makes_no_room(policy):
    policy.next(0.08, 0.0)
    policy.next(0.06, 0.02)
    assert policy.next(0.04, 0.23).opening_m == 0.04
    policy.ended(0.06)  # pre-empted
    assert policy.next(0.02, 0.25) is None


def test_opening_is_told_from_closing_and_the_last_fraction_of_a_millimetre_is_not_left_out(policy):
    policy.next(0.0, 0.0)
    assert policy.next(0.0795, 0.02) == GripperGoal(0.0795, closing=False)
    assert policy.next(0.08, 0.10) is None  # too early
    assert policy.next(0.08, 0.30) == GripperGoal(0.08, closing=False)
    assert policy.next(0.08, 0.60) is None


def test_after_a_silence_nothing_old_goes_on(policy):
    policy.next(0.08, 0.0)
    policy.next(0.0, 0.02)  # it closes on something
    policy.forget()
    assert ramp(policy, [0.03] * 50, start_s=5.0) == []  # measured opening: what is held stays held
    assert policy.next(0.0, 7.0) == GripperGoal(0.0, closing=True)
