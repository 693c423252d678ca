"""Confidence intervals for success rates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_Z95 = 1.959964  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class SuccessRate:
    """A success rate with its 95 % Wilson score interval (Wilson 1927)."""

    successes: int
    trials: int
    low: float  # lower end of the interval, 0..1
    high: float  # upper end of the interval, 0..1

    @property
    def value(self) -> float:
        """Return successes / trials."""
        return self.successes / self.trials

    def __str__(self) -> str:
        """Read like "31/40 = 78 % [62, 88]"."""
        interval = f"[{100 * self.low:.0f}, {100 * self.high:.0f}]"
        return f"{self.successes}/{self.trials} = {100 * self.value:.0f} % {interval}"


def success_rate(outcomes: list[bool]) -> SuccessRate:
    """Return the rate of true outcomes with its 95 % Wilson interval; raises ValueError when empty."""
    n, k = len(outcomes), sum(outcomes)
    if n == 0:
        raise ValueError("outcomes=[] must hold at least one rollout")
    centre = (k + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 * math.sqrt(k * (n - k) / n + _Z95**2 / 4) / (n + _Z95**2)
    return SuccessRate(k, n, max(0.0, centre - half), min(1.0, centre + half))


@dataclass(frozen=True)
class PairedDifference:
    """Mean of after − before over the same seeds, with a 95 % bootstrap interval; of outcomes in −1..1."""

    value: float
    low: float
    high: float


def paired_difference(
    before: Sequence[float], after: Sequence[float], resamples: int = 10_000
) -> PairedDifference:
    """Bootstrap the mean of after − before over paired seeds; the same input gives the same interval."""
    if len(before) != len(after) or not before:
        raise ValueError(f"before ({len(before)}) and after ({len(after)}) must pair up, at least once")
    change = np.asarray(after, float) - np.asarray(before, float)  # (N,)
    draws = np.random.default_rng(0).integers(len(change), size=(resamples, len(change)))
    low, high = np.quantile(change[draws].mean(axis=1), [0.025, 0.975])
    return PairedDifference(float(change.mean()), float(low), float(high))
