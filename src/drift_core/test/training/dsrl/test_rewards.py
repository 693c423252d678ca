"""What chunks are worth where steps earned something, by hand."""

import numpy as np
import pytest
import torch
from drift_core.episodes import Rewards
from drift_core.training.dsrl.replay import Transitions, returns
from drift_core.training.dsrl.rewards import earned, with_rewards
from hypothesis import given
from hypothesis import strategies as st


def test_two_attempts_by_hand():
    # two chunks of one that succeeds, one of an attempt that fails; rewards from -1 to 3
    score, last = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([False, True, True])
    found = with_rewards(score, last, torch.tensor([-1.0, 3.0, 1.0]), gamma=0.9)
    # 0.1 * 0; 0.1 * 1 + 0.9 * 1; 0.1 * 0.5 + 0.9 * 0
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, 0.05]))


def test_rewards_that_are_unknown_or_all_the_same_say_nothing():
    score, last = torch.tensor([0.0, 1.0]), torch.tensor([False, True])
    assert with_rewards(score, last, torch.tensor([1.0, torch.nan]), 0.9) is None
    assert with_rewards(score, last, torch.tensor([1.0, 1.0]), 0.9) is None
    assert with_rewards(torch.empty(0), torch.empty(0, dtype=torch.bool), torch.empty(0), 0.9) is None


def test_steps_belong_to_the_chunk_in_which_they_were_over():
    rewards = Rewards(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 5.0]))
    begin_s, end_s = np.array([0.0, 0.2, 0.4]), np.array([0.2, 0.4, np.inf])
    np.testing.assert_array_equal(earned(rewards, begin_s, end_s), [1.5, 4.0, np.nan])
    assert np.isnan(earned(None, begin_s, end_s)).all()


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=12),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.999),
)
def test_no_return_lies_beyond_0_to_1(rewards, score, gamma):
    count = len(rewards)
    last = torch.zeros(count, dtype=torch.bool)
    last[-1] = True
    found = with_rewards(torch.where(last, score, 0.0), last, torch.tensor(rewards), gamma)
    if found is None:
        return
    nothing = torch.zeros(count, 1)
    worth = returns(Transitions(nothing, nothing, nothing, found, nothing, last, last), gamma)
    assert worth.min() >= -1e-6 and worth.max() <= 1.0 + 1e-6


def test_a_success_that_comes_early_is_worth_more_than_one_that_lingers():
    gamma, worth = 0.9, []
    for count in (2, 6):
        last = torch.arange(count + 1) >= count - 1  # another attempt behind it, with the largest reward
        score = torch.where(torch.arange(count + 1) == count - 1, 1.0, 0.0)
        rho = torch.tensor([0.5] * (count - 1) + [0.0, 1.0])
        found = with_rewards(score, last, rho, gamma)
        nothing = torch.zeros(count + 1, 1)
        made = Transitions(nothing, nothing, nothing, found, nothing, last, last)
        worth.append(float(returns(made, gamma)[0]))
    # 0.1 * 0.5 + 0.9 * 0.9; and 0.05 (1 - 0.9^5) / 0.1 + 0.9^6
    assert worth == pytest.approx([0.05 + 0.81, 0.5 * (1 - 0.9**5) + 0.9**6])
    assert worth[0] > worth[1]
