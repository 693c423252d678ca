"""The squared-cosine noise schedule and what a network may predict under it.

`x_k = sqrt(abar_k) x_0 + sqrt(1 - abar_k) noise`, k = 0 (almost clean) … K - 1 (almost pure noise); the clean
data itself is written k = -1 with abar = 1. Schedule: Nichol & Dhariwal, arXiv 2102.09672, eq. 17, betas
capped at 0.999 ("squaredcos_cap_v2" in diffusers).
"""

import math
import operator
from itertools import accumulate
from typing import Literal

import torch
from drift_config.errors import ConfigError
from torch import Tensor

Prediction = Literal["epsilon", "sample", "v"]
PREDICTIONS: tuple[Prediction, ...] = ("epsilon", "sample", "v")
CLEAN = -1  # the step index of clean data
# Below this share of signal, sqrt(abar_k), an x_0 computed from predicted noise is mostly rounding and
# network error.
_SIGNAL_MIN = 0.1


class NoiseSchedule:
    """Cumulative signal shares `abar_k` of K training steps."""

    def __init__(self, train_steps: int = 100) -> None:
        if train_steps < 2:
            raise ConfigError(f"train_steps={train_steps} must be at least 2")
        self.train_steps = train_steps
        alphas = [
            max(_signal(k + 1, train_steps) / _signal(k, train_steps), 1.0 - 0.999)
            for k in range(train_steps)
        ]
        self._abar = list(accumulate(alphas, operator.mul))
        self.alphas_cumprod = torch.tensor(self._abar, dtype=torch.float32)  # (K,)

    def abar(self, k: int) -> float:
        """Return abar at step `k`; 1 for clean data (k = -1)."""
        if not CLEAN <= k < self.train_steps:
            raise ConfigError(f"step k={k} must lie in [-1, {self.train_steps - 1}]")
        return 1.0 if k == CLEAN else self._abar[k]

    def add_noise(self, x_0: Tensor, noise: Tensor, k: Tensor) -> Tensor:
        """Return x_k for clean `x_0` (B, T, A), `noise` of the same shape and steps `k` (B,)."""
        signal, spread = self._shares(k, x_0)
        return signal * x_0 + spread * noise

    def target(self, x_0: Tensor, noise: Tensor, k: Tensor, prediction: Prediction) -> Tensor:
        """Return what the network has to predict, (B, T, A)."""
        if prediction == "epsilon":
            return noise
        if prediction == "sample":
            return x_0
        if prediction == "v":
            signal, spread = self._shares(k, x_0)
            return signal * noise - spread * x_0
        raise unknown_prediction(prediction)

    def clean_estimate(self, x_k: Tensor, output: Tensor, k: int, prediction: Prediction) -> Tensor:
        """Return the network's estimate of x_0 from its `output` at step `k`, not clipped."""
        abar = self.abar(k)
        if prediction == "epsilon":
            return (x_k - math.sqrt(1.0 - abar) * output) / math.sqrt(abar)
        if prediction == "sample":
            return output
        if prediction == "v":
            return math.sqrt(abar) * x_k - math.sqrt(1.0 - abar) * output
        raise unknown_prediction(prediction)

    def clean_estimates(self, x_k: Tensor, output: Tensor, k: Tensor, prediction: Prediction) -> Tensor:
        """Return the same where every row has a step of its own, `k` (B,)."""
        if prediction == "sample":
            return output
        signal, spread = self._shares(k, x_k)
        if prediction == "epsilon":
            return (x_k - spread * output) / signal
        if prediction == "v":
            return signal * x_k - spread * output
        raise unknown_prediction(prediction)

    def noise_estimate(self, x_k: Tensor, x_0: Tensor, k: int) -> Tensor:
        """Return the noise that belongs to `x_k` if the clean data is `x_0`."""
        abar = self.abar(k)
        return (x_k - math.sqrt(abar) * x_0) / math.sqrt(1.0 - abar)

    def cubic_steps(self, count: int) -> tuple[int, ...]:
        """Return `count` decreasing steps, closer together where there is less noise.

        k_i = k_0 (1 - i / count)^3, so that clean data would be next: of the spacings in docs/samplers.md
        the one with which all samplers come nearest to the right spread. All K of them if count == K. Fewer
        start at the noisiest step that still has a signal share of 0.1 (k_0 = 92 of 100): above it, a few
        steps with predicted noise divide by almost zero and never recover.
        """
        if not 1 <= count <= self.train_steps:
            raise ConfigError(f"steps={count} must lie in [1, train_steps={self.train_steps}]")
        if count == self.train_steps:
            return tuple(range(self.train_steps - 1, -1, -1))
        usable = max(k for k in range(self.train_steps) if math.sqrt(self._abar[k]) >= _SIGNAL_MIN)
        return cubic(max(usable, count - 1), count)

    def _shares(self, k: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        abar = self.alphas_cumprod.to(like.device)[k].to(like.dtype)[:, None, None]  # (B, 1, 1)
        return abar.sqrt(), (1.0 - abar).sqrt()


def cubic(first: int, count: int) -> tuple[int, ...]:
    """Return `count` different steps first (1 - i / count)^3, from `first` >= count - 1."""
    steps = [round(first * (1.0 - i / count) ** 3) for i in range(count)]
    for i in range(count - 2, -1, -1):  # where they would fall together, one apart
        steps[i] = max(steps[i], steps[i + 1] + 1)
    return tuple(steps)


def unknown_prediction(prediction: str) -> ConfigError:
    """Return the error for a prediction type that does not exist."""
    return ConfigError(f"prediction={prediction!r} must be one of: {', '.join(PREDICTIONS)}")


def _signal(k: int, train_steps: int) -> float:
    return math.cos((k / train_steps + 0.008) / 1.008 * math.pi / 2.0) ** 2
