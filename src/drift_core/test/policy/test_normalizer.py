"""Normalised columns lie in [-1, 1] on the demonstrations; rotations and outliers stay what they are."""

import pytest
import torch
from drift_core.errors import DataError, ShapeError
from drift_core.policy.normalizer import Normalizer
from hypothesis import given
from hypothesis import strategies as st


def pose(x, rotation=0.5, gripper_m=0.0):
    return [x, 0.0, 0.0, *[rotation] * 6, gripper_m]


def fit_poses(action_space="tcp_pose"):
    """Two windows of one label each: x 0.2 and 0.6 m, gripper 0 and 0.08 m; a third label is masked."""
    actions = torch.tensor([[pose(0.2), pose(9.0)], [pose(0.6, 0.1, 0.08), pose(9.0)]])  # (2, 2, 10)
    state = torch.tensor([[pose(0.0) + [1.0]], [pose(0.4) + [1.004]]])  # (2, 1, 11)
    return Normalizer.fit(state, actions, torch.tensor([[True, False]] * 2), action_space)


def test_the_range_of_the_valid_labels_becomes_minus_one_to_one():
    normal = fit_poses().normalize_action(torch.tensor([pose(0.2), pose(0.6, gripper_m=0.08), pose(0.4)]))
    torch.testing.assert_close(normal[:, 0], torch.tensor([-1.0, 1.0, 0.0]))
    torch.testing.assert_close(normal[:, 9], torch.tensor([-1.0, 1.0, -1.0]))


def test_rotations_of_poses_stay_as_they_are():
    normalizer = fit_poses()
    assert torch.equal(normalizer.normalize_action(torch.tensor(pose(0.2, 0.7)))[3:9], torch.full((6,), 0.7))
    assert torch.equal(
        normalizer.normalize_state(torch.tensor(pose(0.2, 0.7) + [1.0]))[3:9], torch.full((6,), 0.7)
    )


def test_joint_actions_have_no_rotation_but_their_states_do():
    normalizer = fit_poses("joint_position")
    # column 3 of the actions runs from 0.1 to 0.5: centre 0.3, half range 0.2
    assert normalizer.normalize_action(torch.tensor(pose(0.2, 0.5)))[3].item() == pytest.approx(1.0)
    assert normalizer.normalize_state(torch.tensor(pose(0.2, 0.5) + [1.0]))[3].item() == 0.5


def test_points_have_no_rotation():
    points = torch.tensor([[[0.0, -2.0]], [[4.0, 2.0]]])
    normalizer = Normalizer.fit(points, points, torch.ones(2, 1, dtype=torch.bool), "point")
    assert normalizer.normalize_state(torch.tensor([4.0, 0.0])).tolist() == [1.0, 0.0]


def test_a_column_that_hardly_moves_is_not_blown_up():
    # the last column moves from 1.000 to 1.004: centre 1.002, and 0.01 instead of 0.002 as half range
    state = fit_poses().normalize_state(torch.tensor(pose(0.2) + [1.007]))
    assert state[10].item() == pytest.approx(0.5, abs=1e-4)


def test_states_outside_the_range_are_not_clipped():
    assert fit_poses().normalize_state(torch.tensor(pose(0.8) + [1.0]))[0].item() == pytest.approx(3.0)


def test_a_new_normaliser_is_the_identity_and_takes_over_a_fitted_state():
    fresh, fitted = Normalizer(11, 10), fit_poses()
    raw = torch.tensor(pose(0.33))
    assert torch.equal(fresh.normalize_action(raw), raw)
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh.normalize_action(raw), fitted.normalize_action(raw))
    assert not list(fitted.parameters()), "nothing to train"


@given(st.lists(st.floats(-10, 10, width=32), min_size=10, max_size=10))
def test_back_and_forth_is_the_same(values):
    raw, normalizer = torch.tensor(values), fit_poses()
    back = normalizer.denormalize_action(normalizer.normalize_action(raw))
    torch.testing.assert_close(back, raw, atol=1e-5, rtol=1e-5)


def test_what_cannot_be_fitted_is_refused():
    state, actions = torch.zeros(2, 1, 2), torch.zeros(2, 3, 2)
    with pytest.raises(DataError, match="at least one valid label"):
        Normalizer.fit(state, actions, torch.zeros(2, 3, dtype=torch.bool), "point")
    with pytest.raises(ShapeError, match="must agree"):
        Normalizer.fit(state, actions, torch.ones(2, 2, dtype=torch.bool), "point")
    with pytest.raises(DataError, match="action values to fit must be finite"):
        Normalizer.fit(state, actions * torch.nan, torch.ones(2, 3, dtype=torch.bool), "point")


def test_a_held_action_is_its_value_on_both_ways():
    normalizer = Normalizer(1, 2, held=[(1, 0.5)])
    normalizer.action_centre[1] = 1.5
    told = torch.tensor([[0.3, 0.5 + 2.0**-24], [0.3, 9.0]])
    assert normalizer.normalize_action(told)[:, 1].tolist() == [-1.0, -1.0]
    assert normalizer.denormalize_action(told)[:, 1].tolist() == [0.5, 0.5]
    assert torch.equal(normalizer.denormalize_action(told)[:, 0], told[:, 0])
