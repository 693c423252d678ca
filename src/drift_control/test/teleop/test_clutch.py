"""A clutch: nothing at the press, then what the device does, in the frame and at the scale of its file."""

import math

import numpy as np
import pytest
from drift_control.robot.pose import Pose, rotation_from_vector
from drift_control.teleop.clutch import JointClutch, PoseClutch
from drift_control.teleop.command import JointLead, TcpLead
from hypothesis import given
from hypothesis import strategies as st

small = st.floats(-3.0, 3.0)
vector = st.tuples(small, small, small).map(np.array)
DOWN = rotation_from_vector(np.array([math.pi, 0.0, 0.0]))  # a hand that points at the table
QUARTER = rotation_from_vector(np.array([0.0, 0.0, math.pi / 2]))  # to the left


def lead(position=(0, 0, 0), rotation=None, frame="base", scale=1.0, axes=None):
    rotation = np.eye(3) if rotation is None else rotation
    axes = np.eye(3) if axes is None else axes
    return TcpLead(Pose(np.array(position, dtype=float), rotation), axes, frame, scale, 0.2, 1.0)


@given(vector, vector, vector, vector, st.sampled_from(["base", "tool"]), st.floats(0.1, 3.0))
def test_at_the_press_the_goal_is_where_the_hand_is_wherever_the_device_is(
    at, turn, tcp, tcp_turn, frame, scale
):
    pressed = lead(at, rotation_from_vector(turn), frame, scale, QUARTER)
    anchor = Pose(tcp, rotation_from_vector(tcp_turn))
    goal = PoseClutch(anchor, pressed).goal(pressed)
    assert np.array_equal(goal.position, anchor.position)
    assert np.allclose(goal.rotation, anchor.rotation, atol=1e-12)


def test_in_the_base_frame_the_way_is_that_of_the_room_scaled():
    clutch = PoseClutch(Pose(np.array([0.5, 0.0, 0.3]), DOWN), lead((1.0, 1.0, 1.0), scale=0.5))
    goal = clutch.goal(lead((1.2, 0.9, 1.0), scale=0.5))
    assert np.allclose(goal.position, [0.6, -0.05, 0.3])


def test_a_room_that_is_turned_to_the_left_moves_the_hand_to_the_left_for_forward():
    clutch = PoseClutch(Pose(np.array([0.5, 0.0, 0.3]), DOWN), lead(axes=QUARTER))
    assert np.allclose(clutch.goal(lead((0.1, 0.0, 0.0), axes=QUARTER)).position, [0.5, 0.1, 0.3])


def test_in_the_base_frame_a_turn_about_the_vertical_is_one_of_the_hand_about_the_vertical():
    clutch = PoseClutch(Pose(np.zeros(3), DOWN), lead())
    assert np.allclose(clutch.goal(lead(rotation=QUARTER)).rotation, QUARTER @ DOWN)


def test_in_the_tool_frame_forward_of_the_device_is_forward_of_the_hand():
    """The device, turned to the left, moves along its own x, which is y of the room; the hand along its x."""
    hand = Pose(np.array([0.5, 0.0, 0.3]), DOWN)
    clutch = PoseClutch(hand, lead((0, 0, 0), QUARTER, "tool"))
    goal = clutch.goal(lead((0.0, 0.1, 0.0), QUARTER, "tool"))
    assert np.allclose(goal.position, [0.6, 0.0, 0.3])
    up = clutch.goal(lead((0.0, 0.0, 0.1), QUARTER, "tool"))
    assert np.allclose(up.position, [0.5, 0.0, 0.2])  # a hand that points down has its z there


def test_in_the_tool_frame_a_turn_is_one_about_the_hands_own_axes():
    clutch = PoseClutch(Pose(np.zeros(3), DOWN), lead(frame="tool"))
    assert np.allclose(clutch.goal(lead(rotation=QUARTER, frame="tool")).rotation, DOWN @ QUARTER)


def joints(*positions, led=None):
    led = np.ones(len(positions), dtype=bool) if led is None else np.array(led)
    return JointLead(np.array(positions, dtype=float), led, "clutch", 0.5, 0.05, 0.2)


def test_joints_repeat_what_the_leader_did_since_the_press_and_unled_ones_stay():
    clutch = JointClutch(np.array([0.1, 0.2, 0.3]), joints(5.0, -5.0, 0.0, led=[True, True, False]))
    goal = clutch.goal(joints(5.5, -5.25, 0.0, led=[True, True, False]))
    assert np.allclose(goal, [0.6, -0.05, 0.3])


@pytest.mark.parametrize("start", [0.0, 100.0])
def test_a_clutch_that_is_taken_anew_forgets_what_was_before(start):
    clutch = JointClutch(np.array([0.1]), joints(0.0))
    clutch.take(np.array([0.4]), joints(start))
    assert np.allclose(clutch.goal(joints(start + 0.1)), [0.5])
