"""How attempts of a new policy end beside those of the last one, from the same starts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.branches.exploring import Explore


@dataclass(frozen=True)
class Compared:
    """Mean scores in [0, 1]; an attempt that nobody can judge counts 0."""

    before: float  # of the last policy
    after: float  # of the new one
    attempts: int  # of each


@torch.no_grad()
def compared(
    last: DiffusionPolicy,
    new: DiffusionPolicy,
    sampler: str,
    explore: Explore,
    seeds: Iterable[int],
    tell: Callable[[int, int], None],
) -> Compared:
    """Let both make an attempt from the start of each of `seeds`, with the sampler that drives.

    `tell`, before each attempt, may raise.
    """
    seeds = list(seeds)
    scores: list[list[float]] = []
    for policy in (last, new):
        own = policy.make_sampler(sampler)
        scores.append([])
        for seed in seeds:
            tell(sum(map(len, scores)), 2 * len(seeds))
            scores[-1].append(explore(policy, own, seed) or 0.0)
    before, after = (sum(each) / len(seeds) for each in scores)
    return Compared(before, after, len(seeds))
