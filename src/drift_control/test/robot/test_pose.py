import math

import numpy as np
import pytest
from drift_control.robot.pose import (
    Pose,
    action_to_pose,
    pose_to_action,
    rotation_6d,
    rotation_from_6d,
    rotation_from_vector,
    rotation_vector,
    slerp,
)
from hypothesis import given
from hypothesis import strategies as st

QUARTER_TURN_Z = np.array(((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
small = st.floats(-1.8, 1.8)


def test_6d_rotation_is_the_first_two_columns_one_after_the_other():
    assert rotation_6d(QUARTER_TURN_Z).tolist() == [0, 1, 0, -1, 0, 0]


def test_gram_schmidt_repairs_columns_that_are_too_long_and_not_square():
    assert np.allclose(rotation_from_6d(np.array([0, 3.0, 0, -2.0, 1.0, 0])), QUARTER_TURN_Z)


@pytest.mark.parametrize("columns", [[0, 0, 0, 1, 0, 0], [1, 0, 0, 2, 0, 0]])
def test_columns_that_span_no_plane_are_refused(columns):
    with pytest.raises(ValueError, match="rotation columns="):
        rotation_from_6d(np.array(columns, dtype=float))


def test_action_is_position_rotation_opening():
    pose = Pose(np.array([0.1, 0.2, 0.3]), QUARTER_TURN_Z)
    action = pose_to_action(pose, 0.04)
    assert action.tolist() == [0.1, 0.2, 0.3, 0, 1, 0, -1, 0, 0, 0.04]
    back, gripper_m = action_to_pose(action)
    assert gripper_m == 0.04
    assert np.allclose(back.position, pose.position) and np.allclose(back.rotation, pose.rotation)


def test_a_quarter_turn_about_z_is_half_pi_along_z():
    assert np.allclose(rotation_vector(QUARTER_TURN_Z), [0, 0, math.pi / 2])


def test_a_half_turn_keeps_its_axis():
    assert np.allclose(np.abs(rotation_vector(np.diag([-1.0, 1.0, -1.0]))), [0, math.pi, 0])


@given(st.tuples(small, small, small))
def test_rotation_vector_undoes_rotation_from_vector(vector):
    if np.linalg.norm(vector) < 3.1:
        assert np.allclose(rotation_vector(rotation_from_vector(np.array(vector))), vector, atol=1e-6)


def test_slerp_is_a_third_of_the_turn_at_a_third():
    third = slerp(np.eye(3), QUARTER_TURN_Z, 1 / 3)
    assert np.allclose(rotation_vector(third), [0, 0, math.pi / 6])
