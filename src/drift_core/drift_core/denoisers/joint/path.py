"""Denoising observations to come: beside a chunk, or for a chunk that is known. Deterministic DDIM."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.samplers.sampler import DenoisingHistory, draw

_STEPS = 4  # from noise, where nobody else says at which


class Packing(Protocol):
    """How actions (B, T, A) and observations to come (B, Tf, E) go into one row (B, L) and out of it."""

    def packed(self, x: Tensor, z: Tensor) -> Tensor:
        """Put them together."""

    def unpacked(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Take them apart."""


class FuturePath:
    """`denoise(x, k)` of a sampler, with observations to come that follow it from step to step.

    They do not depend on the actions. Where a sampler begins in the middle, or anew, they are denoised from
    noise to there first.
    """

    def __init__(
        self,
        packing: Packing,
        run: Callable[[Tensor, Tensor], Tensor],
        shape: tuple[int, int, int],
        schedule: NoiseSchedule,
        generator: torch.Generator,
    ) -> None:
        """`run(rows, k)`: the network; `shape` (B, Tf, E)."""
        self._packing, self._run, self._shape, self._generator = packing, run, shape, generator
        self._rule = _rule(schedule)
        self._at: tuple[int, Tensor, Tensor] | None = None  # step, z there, and z as it is estimated clean

    def __call__(self, x: Tensor, k: Tensor) -> Tensor:
        """Return the output (B, T, A) for `x` at the steps `k` (B,), all the same."""
        step = int(k[0])
        if self._at is None or step > self._at[0]:
            self._begin(x, step)
        return self._call(x, step, self._next(step))

    def _begin(self, x: Tensor, until: int) -> None:
        self._at = None
        for step in self._rule.steps:
            if step > until:
                self._call(x, step, self._next(step))

    def _next(self, step: int) -> Tensor:
        """Return z at `step`."""
        if self._at is None:
            return draw(self._shape, self._generator)
        k, z, z_0 = self._at
        return z if k == step else self._rule.update(z, z_0, k, step, DenoisingHistory((k, step)))[0]

    def _call(self, x: Tensor, step: int, z: Tensor) -> Tensor:
        k = torch.full((x.shape[0],), step, dtype=torch.long, device=x.device)
        z = z.to(x)
        output, z_0 = self._packing.unpacked(self._run(self._packing.packed(x, z), k))
        self._at = step, z, z_0
        return output


def foresee(
    together: Callable[[Tensor, Tensor, Tensor], Tensor],
    actions: Tensor,
    shape: tuple[int, int],
    schedule: NoiseSchedule,
) -> Tensor:
    """Return observations to come (B, Tf, E), clean, for clean `actions` (B, T, A).

    `together(x, z, k)`: their clean estimate; x are the actions with the noise of step k. Always the same
    noise, so that forecasts differ by what is seen alone. `shape`: Tf, E.
    """
    generator = torch.Generator().manual_seed(0)
    noise = draw(actions.shape, generator).to(actions)

    def denoise(z: Tensor, k: Tensor) -> Tensor:
        return together(schedule.add_noise(actions, noise, k), z, k)

    latent = (actions.shape[0], *shape)
    return _rule(schedule).sample(denoise, latent, generator, device=actions.device)


def _rule(schedule: NoiseSchedule) -> DdimSampler:
    return DdimSampler.of_length(min(_STEPS, schedule.train_steps), schedule, "sample", clip=None)
