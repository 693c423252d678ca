"""A round of B2-DiffuRL: from attempts in branches to a checkpoint, or why they teach nothing."""

import math

import pytest
import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.episodes import EpisodeStore
from drift_core.episodes.store import held_out
from drift_core.errors import DataError
from drift_core.noise import NoiseActorConfig
from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint import load_latest
from drift_core.policy.weights import policy_weights
from drift_core.training.branches import Ended
from drift_core.training.config import TrainFile
from drift_core.training.rounds import (
    CancelledError,
    Hooks,
    NoDataError,
    PausedError,
    Rounds,
    WorseError,
    train_round,
)
from drift_core.training.rounds.b2 import first_compared, first_seed
from point_episodes import EXPERT, record
from small_rounds import FILE, TASK

SMALL = {"steps": 6, "groups": 6, "branches": 3, "begin": 0.5, "canary_attempts": 0}
HELD_OUT = next(name for name in (f"h{n}" for n in range(100)) if held_out(name))


def low(policy, sampler, seed):
    """One chunk is an attempt; it succeeds where it ends below where those of most would."""
    state = torch.randn(1, 2, generator=torch.Generator().manual_seed(seed)).numpy()
    chunk = policy.act(Observation(0.0, {}, state, 0.0), sampler, torch.Generator())
    return float(int(1e4 * abs(chunk[-1, 0])) % 2)


def rounds_of(folder, explore=low, sampler="ddim-8", seed=0, **b2):
    file = FILE | {"policy": FILE["policy"] | {"sampler": sampler}, "b2": SMALL | b2}
    train_file = parse(file, TrainFile, "x.yaml")
    store = EpisodeStore(folder / "episodes")
    return Rounds(
        None, TASK, train_file, store, folder / "checkpoints", seed=seed, save_every_s=0.0, explore=explore
    )


def newest(folder):
    return load_latest(folder / "checkpoints")


@pytest.fixture
def bootstrapped(tmp_path):
    """A folder with demonstrations, of which one is held out, and a policy that has learned from them."""
    for name in ("d1", HELD_OUT):
        record(tmp_path / "episodes", name, [(1.0, EXPERT, 1, 0, 1)], [], kind="demonstration")
    train_round(rounds_of(tmp_path), "offline")
    return tmp_path


def test_a_round_changes_the_denoiser_and_the_next_one_branches_earlier(bootstrapped):
    before, seen = newest(bootstrapped).policy.state_dict(), []
    made = train_round(rounds_of(bootstrapped), "b2", Hooks(on_progress=seen.append))
    assert (made.info.version, made.info.parent) == (2, 1)
    # a path of 8 updates has 8 draws; half of them, 4, and more for each group that ended alike
    reason, free = made.info.reason.rsplit(" ", 3)[0], int(made.info.reason.split()[6])
    assert reason == f"b2 on 18 attempts, the last {free}" and 4 <= free <= 8
    assert len(seen) == 6 and {at.rank for at in seen} == {0.25} and set(seen[0].terms) == {"advantage", "kl"}
    after = newest(bootstrapped).policy.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"denoiser"} and made.info.loss is not None
    again = train_round(rounds_of(bootstrapped), "b2").info
    assert again.parent == 2 and int(again.reason.split()[6]) >= min(free + 1, 8)


def test_nothing_explores_without_a_simulation(bootstrapped):
    with pytest.raises(ConfigError, match="kind=b2 explores, which nothing does on a running stack"):
        train_round(rounds_of(bootstrapped, explore=None), "b2")


@pytest.mark.parametrize("name", ["ddpm-8", "dpm-8", "rti-3", "ddim-1"])
def test_a_sampler_without_noisy_updates_is_refused(bootstrapped, name):
    with pytest.raises(ConfigError, match=f"sampler='{name}' must be ddim-<steps> of two steps or more"):
        train_round(rounds_of(bootstrapped, sampler=name), "b2")


def test_attempts_that_say_nothing_are_named_and_nothing_is_written(bootstrapped, tmp_path):
    with pytest.raises(NoDataError, match="none of 18 attempts has an outcome: the task must say how it"):
        train_round(rounds_of(bootstrapped, explore=lambda *given: None), "b2")
    with pytest.raises(
        NoDataError, match=r"of each of 6 starts ended alike \(18 attempts, at last with 8 of 8"
    ):
        train_round(rounds_of(bootstrapped, explore=lambda *given: 0.0), "b2")
    assert newest(bootstrapped).info.version == 1


def test_what_is_far_worse_on_held_out_windows_is_not_announced(bootstrapped):
    with pytest.raises(WorseError, match=r"not announced: held-out loss .* of version 1 is .* is allowed"):
        train_round(rounds_of(bootstrapped, canary_tolerance=0.0, lr=0.3, steps=30), "b2")
    assert newest(bootstrapped).info.version == 1
    assert not list((bootstrapped / "checkpoints").glob("resume_*"))


class ThenScores:
    """Explores as `low` does in the 18 attempts of a round; what comes after scores as it is told."""

    def __init__(self, scores):
        self.scores, self.policies, self.seeds = scores, [], []

    def __call__(self, policy, sampler, seed):
        self.policies.append(policy)
        self.seeds.append(seed)
        return low(policy, sampler, seed) if len(self.seeds) <= 18 else self.scores[len(self.seeds) - 19]


def test_what_scores_less_than_the_last_version_from_the_same_starts_is_not_announced(bootstrapped):
    explore = ThenScores([0.8, 0.5, 0.0, None, 1.0] + [1.0, None, 0.0, 0.9, 0.3])  # 0.46 and 0.44 on average
    said = r"not announced: 5 attempts score 0.440 \(1 succeeded\), those of version 1 0.460 \(1 succeeded\)"
    with pytest.raises(WorseError, match=said):
        train_round(rounds_of(bootstrapped, explore, canary_attempts=5), "b2")
    assert newest(bootstrapped).info.version == 1
    assert not list((bootstrapped / "checkpoints").glob("resume_*"))
    last, new = explore.policies[18:23], explore.policies[23:]
    assert explore.seeds[18:23] == explore.seeds[23:] == [400_005, 400_006, 400_007, 400_008, 400_009]
    kept = newest(bootstrapped).policy.state_dict()
    assert all(torch.equal(last[0].state_dict()[name], value) for name, value in kept.items())
    assert not all(torch.equal(new[0].state_dict()[name], value) for name, value in kept.items())


def test_what_scores_as_much_is_announced_with_the_weights_that_were_compared(bootstrapped):
    explore, texts = ThenScores([0.75, 0.75]), []
    made = train_round(rounds_of(bootstrapped, explore, canary_attempts=1), "b2", Hooks(on_text=texts.append))
    assert made.info.version == 2
    assert "1 attempts score 0.750 (0 succeeded), those of version 1 0.750 (0 succeeded)" in texts
    announced = newest(bootstrapped).policy.state_dict()
    assert all(torch.equal(explore.policies[19].state_dict()[name], announced[name]) for name in announced)


def test_partial_credit_makes_up_for_no_success():
    last, new = Ended((1.0, 0.0, 0.0, 0.1)), Ended((0.45, 0.45, 0.4, 0.4))
    assert (last.successes, new.successes) == (1, 0)
    assert (last.mean, new.mean) == pytest.approx((0.275, 0.425))
    assert new.worse_than(last) and last.worse_than(new), "each in its way"
    assert not new.worse_than(new) and not Ended((1.0, 0.1, 0.0, 0.2)).worse_than(last)


def test_a_score_that_is_none_is_refused_while_it_compares_too(bootstrapped):
    explore = ThenScores([0.5, math.nan])
    with pytest.raises(DataError, match=r"score=nan of the attempt with seed 400001 must lie in \[0, 1\]"):
        train_round(rounds_of(bootstrapped, explore, canary_attempts=1), "b2")
    assert newest(bootstrapped).info.version == 1


def test_the_last_version_is_compared_as_it_drives_with_its_noise_actor(bootstrapped):
    loaded = newest(bootstrapped)
    policy = loaded.policy.with_noise_actor(NoiseActorConfig(width=8))
    weights = policy_weights(policy.state_dict(), {}, policy)
    rounds_of(bootstrapped).write(policy, weights, loaded.info, loaded.info, "dsrl", 6, None, 0, [])
    explore = ThenScores([0.0, 0.0])
    train_round(rounds_of(bootstrapped, explore, canary_attempts=1), "b2")
    last, new = explore.policies[18:]
    assert last.noise_actor is not None and new.noise_actor is None


def test_a_round_that_is_paused_while_it_compares_goes_on_from_its_last_step(bootstrapped):
    explore, seen = ThenScores([0.0] * 4), []
    hooks = Hooks(paused=lambda: len(explore.seeds) == 20)
    name = rounds_of(bootstrapped).round_id("b2", 0)
    with pytest.raises(PausedError, match="broken off at step 6 of 6, saved in"):
        train_round(rounds_of(bootstrapped, explore, canary_attempts=2), "b2", hooks, round_id=name)
    again = ThenScores([0.0] * 4)
    rounds = rounds_of(bootstrapped, again, canary_attempts=2)
    train_round(rounds, "b2", Hooks(on_progress=seen.append), round_id=name)
    assert seen == [] and newest(bootstrapped).info.version == 2
    assert len(again.seeds) == 18 + 4


def test_a_round_that_is_cancelled_while_it_compares_leaves_nothing(bootstrapped):
    explore = ThenScores([0.0] * 4)
    hooks = Hooks(cancelled=lambda: len(explore.seeds) == 20)
    with pytest.raises(CancelledError, match="cancelled at step 6 of 6"):
        train_round(rounds_of(bootstrapped, explore, canary_attempts=2), "b2", hooks, round_id="x")
    assert newest(bootstrapped).info.version == 1
    assert not list((bootstrapped / "checkpoints").glob("*_x.safetensors"))


def test_a_round_that_was_paused_goes_on_to_the_bit(bootstrapped):
    seen = []
    paused = Hooks(on_progress=seen.append, paused=lambda: len(seen) == 3)
    rounds = rounds_of(bootstrapped)
    name = rounds.round_id("b2", 0)
    with pytest.raises(PausedError, match="broken off at step 3 of 6"):
        train_round(rounds, "b2", paused, round_id=name)
    train_round(rounds_of(bootstrapped), "b2", Hooks(on_progress=seen.append), round_id=name)
    assert [at.round_step for at in seen] == [1, 2, 3, 4, 5, 6]
    resumed = newest(bootstrapped).policy.state_dict()
    (bootstrapped / "checkpoints" / "LATEST").unlink()
    for path in (bootstrapped / "checkpoints").iterdir():
        path.unlink() if path.is_file() else None
    train_round(rounds_of(bootstrapped), "offline")
    train_round(rounds_of(bootstrapped), "b2")
    whole = newest(bootstrapped).policy.state_dict()
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_exploring_can_be_cancelled(bootstrapped):
    tried = []

    def counted(policy, sampler, seed):
        tried.append(seed)
        return low(policy, sampler, seed)

    hooks = Hooks(cancelled=lambda: len(tried) == 2)
    with pytest.raises(CancelledError, match="cancelled before the first step"):
        train_round(rounds_of(bootstrapped, explore=counted), "b2", hooks)
    assert len(tried) == 2


def test_attempts_begin_elsewhere_in_each_round_and_training_and_never_where_evaluations_do():
    assert first_seed(seed=4, groups=10, version=3) == 500_000 + 4 * 10_000 + 30
    assert first_seed(seed=5, groups=10, version=0) == 550_000  # and no million
    ends = [first_seed(seed, 20, version) + 20 for seed in range(200) for version in (0, 499, 500, 7000)]
    assert min(ends) > 500_000 and max(ends) < 1_000_000
    assert first_compared(seed=4, count=20, version=3) == 400_000 + 4 * 10_000 + 60
    ends = [first_compared(seed, 20, version) + 20 for seed in range(200) for version in (0, 499, 500, 7000)]
    assert min(ends) > 400_000 and max(ends) < 500_000  # and never where it has explored
