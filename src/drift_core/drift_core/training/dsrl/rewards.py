"""What a step earned, as a part of what an attempt is worth.

A score says how an attempt ended and is worth 1 at most. Where an environment gave a reward for each step,
too, a chunk is worth what its steps earned, and the score as if the attempt went on at it for ever:

    r = (1 - gamma) rho               rho: mean reward of the chunk's steps, 0 the least and 1 the largest
    r = (1 - gamma) rho + gamma S     of the last chunk; S: score, 0 where somebody had to step in

so that every return is a mean of numbers in [0, 1], and to end well early is worth more than to linger.
"""

import math

import numpy as np
import torch
from torch import Tensor

from drift_core.episodes import Rewards


def earned(rewards: Rewards | None, begin_s: np.ndarray, end_s: np.ndarray) -> np.ndarray:
    """Return the mean reward of the steps that were over in (begin_s, end_s] (N,); NaN where none was."""
    found = np.full(len(begin_s), math.nan)
    if rewards is None:
        return found
    for row, (begin, end) in enumerate(zip(begin_s, end_s, strict=True)):
        within = rewards.reward[(rewards.stamp_s > begin) & (rewards.stamp_s <= end)]
        if len(within):
            found[row] = within.mean()
    return found


def with_rewards(score: Tensor, last: Tensor, earned: Tensor, gamma: float) -> Tensor | None:
    """Return r (N,) of `score` (N,), which is that of the attempt in its `last` row, and `earned` (N,).

    None where not every chunk is known to have earned something, or all have earned the same.
    """
    if not bool(earned.isfinite().all()) or len(earned) == 0:
        return None
    low, high = earned.min(), earned.max()
    if not bool(high > low):
        return None
    rho = (earned - low) / (high - low)
    return (1.0 - gamma) * rho + torch.where(last, gamma * score, 0.0)
