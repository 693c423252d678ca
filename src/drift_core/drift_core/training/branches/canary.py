"""How attempts of a new policy end beside those of the last one, from the same starts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.branches.exploring import Explore, attempt


@dataclass(frozen=True)
class Ended:
    """How attempts of one policy ended; one that nobody can judge counts 0."""

    scores: tuple[float, ...]  # each in [0, 1]

    @property
    def mean(self) -> float:
        """The mean score."""
        return sum(self.scores) / len(self.scores)

    @property
    def successes(self) -> int:
        """Attempts with the full score."""
        return sum(score == 1.0 for score in self.scores)

    def worse_than(self, other: "Ended") -> bool:
        """Whether fewer succeeded, or the mean score is lower: partial credit makes up for no success."""
        return self.successes < other.successes or self.mean < other.mean

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.successes} succeeded)"


@torch.no_grad()
def compared(
    last: DiffusionPolicy,
    new: DiffusionPolicy,
    sampler: str,
    explore: Explore,
    seeds: Iterable[int],
    tell: Callable[[int, int], None],
) -> tuple[Ended, Ended]:
    """Let both make an attempt from the start of each of `seeds`, with the sampler that drives.

    `tell`, before each attempt, may raise. DataError: a score is none.
    """
    seeds = list(seeds)
    total = 2 * len(seeds)

    def ended(policy: DiffusionPolicy, done: int) -> Ended:
        own, scores = policy.make_sampler(sampler), []
        for number, seed in enumerate(seeds):
            tell(done + number, total)
            scores.append(attempt(explore, policy, own, seed) or 0.0)
        return Ended(tuple(scores))

    return ended(last, 0), ended(new, len(seeds))
