"""Mixtures of Gaussians, also flat ones, whose score is known at every noise level."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction


@dataclass(frozen=True, eq=False)
class Mixture:
    """M Gaussians in D dimensions along common orthonormal axes."""

    weights: Tensor  # (M,), sum 1
    means: Tensor  # (M, D) along the axes
    spreads: Tensor  # (M, D) standard deviations along the axes; 0 across a plane
    axes: Tensor  # (D, D), a row each

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return `count` points (N, D)."""
        which = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        return (self.means[which] + self.spreads[which] * noise) @ self.axes

    def noised(self, abar: float) -> "Mixture":
        """Return the distribution of sqrt(abar) x + sqrt(1 - abar) noise."""
        spreads = (abar * self.spreads.square() + (1.0 - abar)).sqrt()
        return Mixture(self.weights, math.sqrt(abar) * self.means, spreads, self.axes)

    def score(self, x: Tensor) -> Tensor:
        """Return the gradient of the log-density (B, D) at `x` (B, D); no spread may be 0."""
        away = (x @ self.axes.T)[:, None] - self.means  # (B, M, D)
        variance = self.spreads.square()
        log_share = self.weights.log() - 0.5 * (away.square() / variance).sum(-1) - self.spreads.log().sum(-1)
        share = log_share.softmax(dim=1)  # (B, M)
        return -(share[..., None] * away / variance).sum(1) @ self.axes


def exact_output(
    mixture: Mixture, schedule: NoiseSchedule, k: int, prediction: Prediction, x: Tensor
) -> Tensor:
    """Return what a perfect network of that kind says about `x` (B, D) at step `k`."""
    abar = schedule.abar(k)
    noise = -math.sqrt(1.0 - abar) * mixture.noised(abar).score(x)
    if prediction == "epsilon":
        return noise
    clean = schedule.clean_estimate(x, noise, k, "epsilon")
    return clean if prediction == "sample" else math.sqrt(abar) * noise - math.sqrt(1.0 - abar) * clean
