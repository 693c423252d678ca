"""Denoising steps that push the chunks of a trajectory towards what a policy would do.

At each step the estimate of the clean trajectory, (s, a) row by row, is asked what the policy would do there,
and its chunks are pushed along the gradient of the log-density of N(policy(s), 1), in normalised numbers:

    g = policy(s) - a,      a <- a + coefficient * strength_i * g / (|g| + 1e-8)      not `unit`: ... * g
    strength_i = 1 - i / n + 0.3 sin(pi (i + 1) / n),      0 at the last of n steps

Only chunks are pushed; what is seen and what comes of it follows, since the steps to come denoise all of it
together. The length |g| is that of one chunk. Where g is 0 nothing is pushed.
"""

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from drift_core.samplers import DEFAULT_CLIP
from drift_core.training.synthetic.experience import RowScale

# What the policy does: conditions (N, C), those of a trajectory one behind the other -> chunks (N, E, A)
Wanted = Callable[[Tensor], Tensor]
_WAVE = 0.3
_NOT_ZERO = 1e-8


def strength(index: int, count: int) -> float:
    """Return that of step `index` (0, 1, ...) of `count`."""
    if index == count - 1:
        return 0.0
    return 1.0 - index / count + _WAVE * math.sin(math.pi * (index + 1) / count)


def unit_length(gradient: Tensor) -> Tensor:
    """Return `gradient` (..., D) with length 1, zeros where it is zero."""
    return gradient / (gradient.norm(dim=-1, keepdim=True) + _NOT_ZERO)


class PolicyGuide:
    """A `Guide` of samplers that take `steps`, for trajectories in the units of `scale`."""

    def __init__(
        self, wanted: Wanted, coefficient: float, unit: bool, scale: RowScale, steps: Sequence[int]
    ) -> None:
        self._wanted, self._coefficient, self._unit, self._scale = wanted, coefficient, unit, scale
        self._strength = {k: strength(index, len(steps)) for index, k in enumerate(steps)}

    def __call__(self, x: Tensor, x_0: Tensor, k: int) -> Tensor:
        """Return the estimate `x_0` (N, H, W) with pushed chunks."""
        push = self._coefficient * self._strength[k]
        if push == 0.0:
            return x_0
        chunk = self._scale.chunk
        gradient = self._gradient(x_0.clamp(-DEFAULT_CLIP, DEFAULT_CLIP))
        pushed = x_0.clone()
        pushed[..., chunk] += push * (unit_length(gradient) if self._unit else gradient)
        return pushed

    def _gradient(self, normal: Tensor) -> Tensor:
        """Return that of the log-density of its chunks, (N, H, E A)."""
        rows, chunk = self._scale.denormalize(normal), self._scale.chunk
        wanted = self._wanted(rows[..., : chunk.start].flatten(0, 1)).flatten(1)
        asked = rows.clone()
        asked[..., chunk] = wanted.view(*rows.shape[:2], -1)
        return (self._scale.normalize(asked) - normal)[..., chunk]
