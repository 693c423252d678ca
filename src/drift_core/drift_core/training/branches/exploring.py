"""Attempts in branches: how each ended beside those that share its beginning."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from drift_core.errors import DataError
from drift_core.policy.path_steps import PathSteps, joined
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.samplers.branching import BranchingSampler, FreeUpdate
from drift_core.training.branches.config import B2Config

_SEEDS = 10_000  # of one round


class Explore(Protocol):
    """What a simulation offers to whoever explores in it."""

    def __call__(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> float | None:
        """Let `policy` make one attempt with `sampler` from the start that `seed` means, alone; return its
        score in [0, 1], None where nobody knows."""


@dataclass(frozen=True, eq=False)
class Explored:
    """What branches say."""

    path: PathSteps | None  # of attempts that say something; None: there is none
    free: int  # draws that branches had for themselves, at last
    attempts: int
    known: int  # of these, with a score
    differing: int  # groups whose branches ended differently


@torch.no_grad()
def explored(
    policy: DiffusionPolicy,
    sampler: BranchingSampler,
    explore: Explore,
    config: B2Config,
    free: int,
    first_seed: int,
    tell: Callable[[int, int], None],
) -> Explored:
    """Make all attempts of a round, the first groups with `free` draws of their own; `tell` may raise.

    DataError: a score is none.
    """
    groups: list[_Group] = []
    known = 0
    for group in range(config.groups):
        scores: list[float] = []
        paths: list[list[FreeUpdate]] = []
        for branch in range(config.branches):
            tell(group * config.branches + branch, config.groups * config.branches)
            seed = first_seed + group
            sampler.begin(seed, first_seed + _SEEDS * (branch + 1) + group, free)
            score = attempt(explore, policy, sampler, seed)
            if score is None:
                continue
            scores.append(score)
            paths.append(sampler.take())
        known += len(scores)
        groups.append(_Group(scores, paths, _differ(scores, config)))
        if not groups[-1].differs:
            free = min(2 * free, sampler.draws)
    parts = _parts(groups, config)
    path = joined(parts) if parts else None
    differing = sum(group.differs for group in groups)
    return Explored(path, free, config.groups * config.branches, known, differing)


def attempt(explore: Explore, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> float | None:
    """Return the score of an attempt, None where nobody knows; DataError for one that is none."""
    score = explore(policy, sampler, seed)
    if score is not None and not 0.0 <= score <= 1.0:
        raise DataError(f"score={score} of the attempt with seed {seed} must lie in [0, 1]")
    return score


def first_free(config: B2Config, draws: int) -> int:
    """Return the draws, of `draws` that a path has, which branches have for themselves in a first round."""
    return max(math.ceil(config.begin * draws), 1)


@dataclass(frozen=True, eq=False)
class _Group:
    """Attempts from one start, as far as their scores are known."""

    scores: list[float]
    paths: list[list[FreeUpdate]]
    differs: bool

    def steps(self, baseline: float) -> list[PathSteps]:
        """Return the updates, with what each attempt's score is above `baseline`."""
        pairs = zip(self.scores, self.paths, strict=True)
        return [_steps(updates, score - baseline) for score, updates in pairs if updates]


def _differ(scores: list[float], config: B2Config) -> bool:
    return bool(scores) and max(scores) - min(scores) >= config.least_apart


def _parts(groups: list[_Group], config: B2Config) -> list[PathSteps]:
    """Return the updates of all groups that say something."""
    if config.baseline == "group":
        return [
            part
            for group in groups
            if group.differs
            for part in group.steps(sum(group.scores) / len(group.scores))
        ]
    scores = [score for group in groups for score in group.scores]
    if not _differ(scores, config):
        return []
    return [part for group in groups for part in group.steps(sum(scores) / len(scores))]


def _steps(updates: list[FreeUpdate], advantage: float) -> PathSteps:
    def rows(name: str) -> Tensor:
        return torch.cat([getattr(update, name) for update in updates])

    def numbers(name: str) -> Tensor:
        return torch.tensor([getattr(update, name) for update in updates])

    given = torch.full((len(updates),), advantage)
    device = updates[0].x.device
    return PathSteps(
        rows("condition"), rows("x"), numbers("k"), rows("x_next"), numbers("k_next"), rows("mean"), given
    ).to(device)
