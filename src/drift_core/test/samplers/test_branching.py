"""Branches are one path until they part; what they did then is known."""

import pytest
import torch
from drift_config.errors import ConfigError
from drift_core.samplers.branching import BranchingSampler
from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.noise_schedule import NoiseSchedule

SCHEDULE = NoiseSchedule(100)
STEPS = (90, 60, 30, 10, 0)
SHAPE, SEEN = (1, 4, 2), torch.zeros(1, 3)


def denoise(x, k):
    return 0.5 * torch.tanh(x)  # an estimate of clean data


def branch(shared, own, free, sampler=None):
    sampler = sampler or BranchingSampler(SCHEDULE, "sample", STEPS)
    sampler.begin(shared, own, free)
    chunks = [sampler.sample(denoise, SHAPE, torch.Generator(), condition=SEEN + n) for n in range(2)]
    return chunks, sampler.take()


def test_branches_of_a_group_part_where_they_are_told_to():
    (first, later), one = branch(1, 2, free=2)
    (_, _), other = branch(1, 3, free=2)
    # of 5 updates the last has no noise, so that the two before it are free: from 30 and from 10
    assert [(step.k, step.k_next) for step in one] == [(30, 10), (10, 0)] * 2
    assert torch.equal(one[0].x, other[0].x) and not torch.equal(one[0].x_next, other[0].x_next)
    assert torch.equal(one[2].x, other[2].x), "the next chunk begins from shared noise, too"
    assert not torch.equal(one[0].x, one[2].x)
    assert [step.condition[0, 0].item() for step in one] == [0.0, 0.0, 1.0, 1.0]
    assert torch.equal(one[0].x_next, one[1].x) and not torch.equal(first, later)


def test_a_free_update_is_one_of_stochastic_ddim_and_the_rest_is_deterministic():
    _, found = branch(1, 2, free=1)
    rule = DdimSampler(SCHEDULE, "sample", STEPS, eta=1.0)
    step = found[0]
    mean, sigma = rule.update(step.x, denoise(step.x, None), step.k, step.k_next, None)
    torch.testing.assert_close(step.mean, mean)
    own = torch.Generator().manual_seed(2)
    torch.testing.assert_close(step.x_next, mean + sigma * torch.randn(SHAPE, generator=own))
    plain = DdimSampler(SCHEDULE, "sample", STEPS).trace(
        denoise, SHAPE, torch.Generator(), torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    )
    assert torch.equal(plain.steps[3].x, step.x)


def test_branches_that_have_all_draws_for_themselves_share_nothing():
    # 5 draws: a first latent and the noise of four updates
    (_, one), (_, other) = branch(1, 2, free=5), branch(1, 3, free=5)
    assert [step.k for step in one] == [90, 60, 30, 10] * 2
    assert not torch.equal(one[0].x, other[0].x) and not torch.equal(one[4].x, other[4].x)
    own = torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))
    assert torch.equal(one[0].x, own)
    (_, one), (_, other) = branch(1, 2, free=4), branch(1, 3, free=4)
    assert [step.k for step in one] == [90, 60, 30, 10] * 2
    assert torch.equal(one[0].x, other[0].x) and not torch.equal(one[0].x_next, other[0].x_next)


def test_the_same_seeds_give_the_same_branch():
    sampler = BranchingSampler(SCHEDULE, "sample", STEPS)
    assert torch.equal(branch(5, 6, 4, sampler)[0][1], branch(5, 6, 4, sampler)[0][1])


def test_nothing_is_imposed_on_a_branch_and_there_is_something_to_be_free():
    sampler = BranchingSampler(SCHEDULE, "sample", STEPS)
    assert not sampler.determined
    with pytest.raises(ConfigError, match="nothing may be imposed"):
        sampler.sample(denoise, SHAPE, torch.Generator(), torch.zeros(SHAPE), condition=SEEN)
    with pytest.raises(ConfigError, match=r"free=6 must lie in \[1, 5\]"):
        sampler.begin(1, 2, 6)
    with pytest.raises(ConfigError, match=r"steps=\[7\] must be at least two"):
        BranchingSampler(SCHEDULE, "sample", (7,))
