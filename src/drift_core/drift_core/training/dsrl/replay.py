"""What was done and what came of it, chunk by chunk."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Transitions:
    """N executed chunks. The reward comes with the last chunk of an attempt and is its score in [0, 1];
    `rewards.py` adds what steps earned."""

    condition: Tensor  # (N, C) what the policy saw
    chosen: Tensor  # (N, D) noise that the chunk was made from, as the actor chooses it; NaN: nobody knows
    action: Tensor  # (N, E, A) normalised, the steps that are executed
    reward: Tensor  # (N,)
    following: Tensor  # (N, C) what it saw next; of the last chunk anything
    last: Tensor  # (N,) bool
    fresh: Tensor  # (N,) bool, made by the policy and the actor with which this round began

    def __len__(self) -> int:
        return len(self.reward)

    def rows(self, index: Tensor) -> "Transitions":
        """Return those that `index` counts."""
        return Transitions(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def returns(transitions: Transitions, gamma: float) -> Tensor:
    """Return for each chunk the discounted score of its attempt (N,); chunks of an attempt in their order."""
    found = torch.zeros_like(transitions.reward)
    later = 0.0
    for row in range(len(transitions) - 1, -1, -1):
        later = float(transitions.reward[row]) + (0.0 if transitions.last[row] else gamma * later)
        found[row] = later
    return found


def joined(parts: list[Transitions]) -> Transitions:
    """Return all `parts`, one behind the other."""
    names = [field.name for field in fields(Transitions)]
    return Transitions(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})
