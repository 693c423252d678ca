import math

import numpy as np
import pytest
from drift_control.robot.pose import Pose
from drift_sim.scenes.scene import TaskPhase, Truth, View
from drift_sim.scenes.table.config import parse_table
from drift_sim.scenes.table.plan import PickAndPlace

DOWN = np.diag([1.0, -1.0, -1.0])  # a hand that points down, its yaw 0


def turned(yaw_rad):
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def view(tcp, opening_m=0.08, box=(0.5, 0.0, 0.02), goal=(0.5, 0.15, 0.0), box_yaw=0.0, hand_yaw=0.0):
    truth = Truth(Pose(np.array(box), turned(box_yaw)), Pose(np.array(goal), np.eye(3)))
    return View(Pose(np.array(tcp), turned(hand_yaw) @ DOWN), opening_m, truth)


@pytest.fixture
def plan(tasks):
    return PickAndPlace(parse_table(tasks["place"]), home_yaw_rad=0.0)


def test_far_from_the_box_it_approaches_at_full_speed_with_an_open_hand(plan):
    wish = plan.wish(view((0.4, -0.2, 0.3)))
    assert wish.phase is TaskPhase.APPROACH
    assert np.linalg.norm(wish.linear_m_s) == pytest.approx(0.2)
    assert wish.gripper == 1


def test_at_the_box_it_closes_and_once_held_it_carries(plan):
    assert plan.wish(view((0.5, 0.0, 0.02))).phase is TaskPhase.GRIP
    assert plan.wish(view((0.5, 0.0, 0.02))).gripper == -1
    carry = plan.wish(view((0.5, 0.0, 0.02), opening_m=0.04))
    assert carry.phase is TaskPhase.CARRY
    assert carry.linear_m_s[2] > 0.1  # up first
    assert abs(carry.linear_m_s[1]) < 0.02


def test_a_closed_hand_without_the_box_opens_again(plan):
    assert plan.wish(view((0.5, 0.0, 0.2), opening_m=0.0)).gripper == 1
    assert not plan.is_held(view((0.5, 0.0, 0.2), opening_m=0.04))


def test_over_the_goal_and_low_it_lets_go_and_then_rises(plan):
    on_goal = {"box": (0.5, 0.15, 0.02), "goal": (0.5, 0.15, 0.0)}
    assert plan.wish(view((0.5, 0.15, 0.022), opening_m=0.04, **on_goal)).phase is TaskPhase.RELEASE
    retreat = plan.wish(view((0.5, 0.15, 0.022), opening_m=0.07, **on_goal))
    assert retreat.phase is TaskPhase.RETREAT
    assert retreat.linear_m_s[2] > 0.1
    assert plan.wish(view((0.5, 0.15, 0.09), opening_m=0.08, **on_goal)).phase is TaskPhase.REST


def test_it_lets_go_by_the_height_of_the_tcp_not_of_the_box(plan):
    """The box has slipped down in the fingers: the hand is still too high to open."""
    wish = plan.wish(view((0.5, 0.15, 0.035), opening_m=0.04, box=(0.5, 0.15, 0.02)))
    assert wish.phase is TaskPhase.CARRY
    assert wish.linear_m_s[2] < 0.0


def test_of_four_grasps_it_turns_to_the_nearest(plan):
    for box_yaw, turn in ((0.3, 0.3), (math.pi / 2 - 0.2, -0.2), (math.pi + 0.1, 0.1)):
        wish = plan.wish(view((0.5, 0.0, 0.2), box_yaw=box_yaw))
        assert math.copysign(1.0, wish.angular_rad_s[2]) == math.copysign(1.0, turn)
        assert abs(wish.angular_rad_s[2]) == pytest.approx(min(3.0 * abs(turn), 1.2), rel=1e-6)


def test_a_hand_turned_far_from_home_turns_back_by_a_quarter(plan):
    """At yaw 1.2 rad a box at 1.2 rad could be gripped as it is, but that way leads to the joint limits."""
    wish = plan.wish(view((0.5, 0.0, 0.2), box_yaw=1.2, hand_yaw=1.2))
    assert wish.angular_rad_s[2] < 0.0


def test_the_cost_to_go_falls_from_far_to_held_to_delivered(plan):
    costs = [
        plan.cost_to_go(view((0.45, 0.0, 0.3))),
        plan.cost_to_go(view((0.5, 0.0, 0.1))),
        plan.cost_to_go(view((0.5, 0.0, 0.02))),
        plan.cost_to_go(view((0.5, 0.0, 0.02), opening_m=0.04)),
        plan.cost_to_go(view((0.5, 0.1, 0.1), opening_m=0.04, box=(0.5, 0.1, 0.1))),
        plan.cost_to_go(view((0.5, 0.15, 0.02), opening_m=0.04, box=(0.5, 0.15, 0.02))),
        plan.cost_to_go(view((0.5, 0.15, 0.05), opening_m=0.08, box=(0.5, 0.15, 0.02))),
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 1.0


def test_losing_the_box_on_the_way_raises_the_cost_to_go(plan):
    held = plan.cost_to_go(view((0.5, 0.08, 0.1), opening_m=0.04, box=(0.5, 0.08, 0.1)))
    lost = plan.cost_to_go(view((0.5, 0.08, 0.1), opening_m=0.0, box=(0.5, 0.08, 0.02)))
    assert lost > held + 10.0
