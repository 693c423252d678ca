"""What branches say: by hand for one update, and of a policy with two ways, one of them rewarded."""

import math
from dataclasses import replace

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_core.errors import DataError
from drift_core.objectives import BranchedObjective
from drift_core.observation.spec import Observation
from drift_core.policy.batch import Batch
from drift_core.policy.path_steps import PathSteps
from drift_core.rank.schedule import ConstantRank
from drift_core.samplers.branching import BranchingSampler
from drift_core.samplers.sampler import DenoisingHistory
from drift_core.training.branches import B2Config, explored
from drift_core.training.trainer import Trainer
from training_case import CONFIG, LEFT, make_policy, next_batch
from two_ways import generator, undecided_policy, ways_of


def quiet(done, total):
    """Tell nobody."""


def branching(policy, steps=8):
    like = policy.make_sampler(f"ddim-{steps}")
    return BranchingSampler(like.schedule, like.prediction, like.steps, like.clip)


def chunk_of(policy, sampler, seed):
    state = torch.randn(1, 3, generator=generator(seed)).numpy()
    return policy.act(Observation(0.0, {}, state, 0.0), sampler, generator())


def left(policy, sampler, seed):
    """One chunk is an attempt, and left is what succeeds."""
    return float(chunk_of(policy, sampler, seed).mean() < 0.0)


def one_update(policy, advantage, moved):
    """An update from x = 0 at k = 30 to 10 whose mean was `moved` (per number) away from what it is now."""
    sampler = branching(policy)
    condition, x, k = torch.zeros(1, 3), torch.zeros(1, 8, 2), torch.tensor([30])
    with torch.no_grad():
        estimate = policy.denoiser(x, k, condition).clamp(-1.2, 1.2)
        mean, sigma = sampler.update(x, estimate, 30, 10, DenoisingHistory((30, 10, 0)))
    made = PathSteps(condition, x, k, mean, torch.tensor([10]), mean + moved, torch.tensor([advantage]))
    return Batch.of_path(made), sigma


@pytest.mark.parametrize(("advantage", "clipped"), [(0.5, 1.5), (-0.5, None)])
def test_an_update_by_hand(advantage, clipped):
    policy = make_policy()
    policy.requires_grad_(False)
    # 16 numbers, each 0.08 nearer to where the update led than before: 16 * 0.08^2 = 0.1024
    batch, sigma = one_update(policy, advantage, moved=0.08)
    abar, abar_next = policy.schedule.abar(30), policy.schedule.abar(10)
    assert sigma == pytest.approx(math.sqrt((1 - abar_next) / (1 - abar) * (1 - abar / abar_next)))
    nats = 0.1024 / (2.0 * sigma**2)
    terms = BranchedObjective(kl_nats=10.0).terms(policy, batch, generator())
    assert terms["kl"].item() == pytest.approx(nats, rel=1e-4)
    ratio = math.exp(nats)
    assert ratio > 1.5
    gained = advantage * (clipped or ratio)
    assert terms["advantage"].item() == pytest.approx(-gained, rel=1e-4)
    beyond = BranchedObjective(kl_nats=0.9 * nats).terms(policy, batch, generator())
    assert beyond["advantage"].item() == 0.0 and beyond["kl"].item() > 0.0
    narrow = BranchedObjective(kl_nats=10.0, sigma_floor=2.0 * sigma).terms(policy, batch, generator())
    assert narrow["kl"].item() == pytest.approx(nats / 4.0, rel=1e-4)


def test_what_is_gained_is_relative_to_the_branches_of_one_start():
    policy = make_policy()
    scores = iter([1.0, 0.0, 0.0, 0.0, 0.5, 0.52, 0.48, 0.5, None, 1.0, 0.25, None])

    def scripted(policy, sampler, seed):
        chunk_of(policy, sampler, seed)
        return next(scores)

    config = B2Config(groups=3, branches=4)
    found = explored(policy, branching(policy), scripted, config, 2, 0, quiet)
    # the second start says nothing, as its scores are less than 0.05 apart: the third has twice as many draws
    assert (found.attempts, found.known, found.differing, found.free) == (12, 10, 2, 4)
    expected = [0.75, 0.75] + 6 * [-0.25] + 4 * [0.375] + 4 * [-0.375]
    assert found.path.advantage.tolist() == pytest.approx(expected)


def test_without_branches_what_is_gained_is_relative_to_all_attempts_of_the_round():
    policy, scores = make_policy(), [1.0, 0.0, 1.0, 1.0]

    def found_of(scores):
        left = iter(scores)

        def scripted(policy, sampler, seed):
            chunk_of(policy, sampler, seed)
            return next(left)

        config = B2Config(groups=2, branches=2, baseline="round")
        return explored(policy, branching(policy), scripted, config, 1, 0, quiet)

    # one update of each; the mean is 0.75, and the second start counts although it ended alike
    assert found_of(scores).path.advantage.tolist() == [0.25, -0.75, 0.25, 0.25]
    assert found_of(scores).differing == 1
    assert found_of([0.5] * 4).path is None


@pytest.mark.parametrize(
    ("ends", "free"),
    [
        ("aaaaa", [1, 2, 4, 8, 8]),  # no more than there are
        ("adaad", [1, 2, 2, 4, 8]),
    ],
)
def test_a_group_that_ended_alike_gives_the_next_one_twice_as_many_draws(ends, free):
    policy, given = make_policy(), []
    scores = iter([score for end in ends for score in ((0.0, 0.0) if end == "a" else (0.0, 1.0))])
    sampler = branching(policy)
    begin = sampler.begin
    sampler.begin = lambda shared, own, free: (given.append(free), begin(shared, own, free))
    explored(policy, sampler, lambda *asked: next(scores), B2Config(groups=5, branches=2), 1, 0, quiet)
    assert given[::2] == given[1::2] == free


def test_a_score_out_of_its_range_is_named():
    policy = make_policy()
    config = B2Config(groups=1, branches=2)
    with pytest.raises(DataError, match=r"score=3.0 of the attempt with seed 7 must lie in \[0, 1\]"):
        explored(policy, branching(policy), lambda *given: 3.0, config, 2, 7, quiet)


@pytest.fixture(scope="module")
def undecided():
    return undecided_policy()


@pytest.mark.parametrize(
    ("schedule", "rounds", "kl", "least"),
    [(ConstantRank(fraction=0.25), 5, 0.002, 0.9), (None, 2, 0.02, 0.75)],  # at full rank it is held harder
)
def test_an_undecided_policy_learns_from_outcomes_which_way_is_good_at_any_rank(
    undecided, schedule, rounds, kl, least
):
    policy, objective = undecided, BranchedObjective(weights={"kl": kl})
    config = replace(CONFIG, steps=60, batch_size=64, lr=5e-3, ema_decay=0.9)
    for number in range(rounds):
        copy = make_policy(undecided.config.denoiser)
        copy.load_state_dict(policy.state_dict())
        found = explored(
            copy.eval(), branching(copy), left, B2Config(groups=20, branches=4), 8, 1000 * number, quiet
        )  # the whole path, since the way is chosen at its beginning
        trainer = Trainer(copy, config, schedule, generator(), LEFT if schedule else None, objective)

        def draw(rng, path=found.path):
            return Batch.of_path(path.rows(torch.randint(len(path), (64,), generator=rng)))

        trainer.run(draw)
        policy = trainer.merged_policy()
    share, good = ways_of(policy)
    assert ways_of(undecided)[0] < 0.65 and share > least and good > 0.9


def test_nothing_trains_on_windows():
    trainer = Trainer(make_policy(), CONFIG, None, generator(), None, BranchedObjective())
    with pytest.raises(ConfigError, match="BranchedObjective needs denoising paths: train with a kind"):
        trainer.run(next_batch)


def test_what_is_minimised_is_written_and_read_back():
    objective = BranchedObjective(clip=0.1, kl_nats=2.0)
    assert parse(to_plain(objective), BranchedObjective, "x.yaml") == objective
    with pytest.raises(ConfigError, match="clip=1.5 must be less than 1"):
        parse({"kind": "branched", "clip": 1.5}, BranchedObjective, "x.yaml")
