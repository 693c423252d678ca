"""Steps of attempts become trajectories and come back; an end is a number that is compared with one half."""

import pytest
import torch
from drift_core.errors import DataError
from drift_core.training.synthetic.experience import Experience, RowScale, steps, trajectories


def two_attempts():
    """Three steps, of which the last brings 0.5, and one step that brings nothing; a chunk is (2, 1)."""
    seen = torch.tensor([[1.0], [2.0], [3.0], [9.0]])
    following = torch.tensor([[2.0], [3.0], [0.0], [0.0]])
    last = torch.tensor([False, False, True, True])
    return Experience(
        seen, 10.0 * seen[:, None].expand(4, 2, 1), torch.tensor([0.0, 0.0, 0.5, 0.0]), following, last
    )


def test_a_trajectory_begins_at_each_step_and_repeats_the_last_row_without_reward():
    rows = trajectories(two_attempts(), 2)
    first, second, third = [1.0, 10, 10, 0, 0], [2.0, 20, 20, 0, 0], [3.0, 30, 30, 0.5, 1]
    over, other = [3.0, 30, 30, 0, 1], [9.0, 90, 90, 0, 1]
    expected = [[first, second], [second, third], [third, over], [other, other]]
    assert rows.tolist() == expected


def test_rows_come_back_as_the_steps_of_which_something_is_known():
    found = steps(trajectories(two_attempts(), 2), 1, (2, 1))
    # 1 to 2; 2 to 3, and 3 with its end; 3 with its end; 9 with its end
    assert found.condition[:, 0].tolist() == [1.0, 2.0, 3.0, 3.0, 9.0]
    assert found.last.tolist() == [False, False, True, True, True]
    assert found.following[:2, 0].tolist() == [2.0, 3.0]
    assert found.reward.tolist() == [0.0, 0.0, 0.5, 0.5, 0.0]
    assert found.action[1].tolist() == [[20.0], [20.0]]


@pytest.mark.parametrize(("said", "ends"), [(0.49, False), (0.51, True)])
def test_a_made_end_is_one_above_one_half(said, ends):
    made = torch.tensor([[[1.0, 10.0, 0.3, said], [2.0, 20.0, 0.0, 0.0], [3.0, 30.0, 0.0, 0.0]]])
    found = steps(made, 1, (1, 1))
    assert found.last.tolist() == ([True] if ends else [False, False])


def test_the_last_row_of_a_trajectory_that_goes_on_is_followed_by_nothing_known():
    made = torch.zeros(1, 3, 4)
    assert len(steps(made, 1, (1, 1))) == 2


def test_steps_that_do_not_end_are_no_trajectories():
    with pytest.raises(DataError, match="3 steps must end with a last one"):
        trajectories(two_attempts().rows(torch.tensor([0, 1, 1])), 2)


def test_each_number_of_a_row_is_scaled_by_its_own_range():
    rows = torch.tensor([[[0.0, 10.0, 0.0, 0.0]], [[4.0, 30.0, 0.5, 1.0]]])
    scale = RowScale(rows, 1)
    assert scale.normalize(rows).flatten(1).tolist() == [[-1.0] * 4, [1.0] * 4]
    torch.testing.assert_close(scale.denormalize(scale.normalize(rows)), rows)
    assert scale.chunk == slice(1, 2)
