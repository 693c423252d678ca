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

    path: PathSteps | None  # of groups whose branches ended differently; None: there is none
    free: int  # noisy updates that branches had for themselves, at last
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
    """Make all attempts of a round, the first groups with `free` updates of their own; `tell` may raise.

    DataError: a score is none.
    """
    parts: list[PathSteps] = []
    known = differing = 0
    for group in range(config.groups):
        scores: list[float] = []
        paths: list[list[FreeUpdate]] = []
        for branch in range(config.branches):
            tell(group * config.branches + branch, config.groups * config.branches)
            seed = first_seed + group
            sampler.begin(seed, first_seed + _SEEDS * (branch + 1) + group, free)
            score = explore(policy, sampler, seed)
            if score is None:
                continue
            if not 0.0 <= score <= 1.0:
                raise DataError(f"score={score} of the attempt with seed {seed} must lie in [0, 1]")
            scores.append(score)
            paths.append(sampler.take())
        known += len(scores)
        if len(set(scores)) > 1:
            differing += 1
            parts += _with_advantage(scores, paths)
        else:
            free = min(free + 1, sampler.most)
    path = joined(parts) if parts else None
    return Explored(path, free, config.groups * config.branches, known, differing)


def first_free(config: B2Config, most: int) -> int:
    """Return the noisy updates, of `most`, that branches have in a first round."""
    return max(math.ceil(config.begin * most), 1)


def _with_advantage(scores: list[float], paths: list[list[FreeUpdate]]) -> list[PathSteps]:
    mean = sum(scores) / len(scores)
    return [_steps(updates, score - mean) for score, updates in zip(scores, paths, strict=True) if updates]


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
