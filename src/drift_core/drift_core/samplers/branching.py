"""Branches of one denoising path: they share its beginning, and each goes on with noise of its own
(B2-DiffuRL, CVPR 2025, arXiv 2503.11240).

What chance decides of a path are its `draws`, in their order: the first latent, then the noise of each update
but the very last, which leads to clean data and has none. A branch has the last `free` of them for itself. Of
the others it shares the latent, and its updates are deterministic (DDIM) until its own, with eta = 1, begin.
Latents that are shared come from one generator, all else from another. No name makes this sampler: whoever
drives by a sampler's name cannot explore.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.samplers.ddim import DdimSampler
from drift_core.samplers.noise_schedule import CLEAN, NoiseSchedule, Prediction
from drift_core.samplers.prefix import Prefix
from drift_core.samplers.sampler import DEFAULT_CLIP, Denoise, DenoisingHistory, Guide, Start, draw


@dataclass(frozen=True, eq=False)
class FreeUpdate:
    """One update with noise, as it happened."""

    condition: Tensor  # (1, C)
    x: Tensor  # (1, T, A) before
    k: int
    x_next: Tensor  # (1, T, A) after
    k_next: int
    mean: Tensor  # (1, T, A)


class BranchingSampler(DdimSampler):
    """Remembers every update with noise, until `take`n."""

    def __init__(
        self,
        schedule: NoiseSchedule,
        prediction: Prediction,
        steps: Sequence[int],
        clip: float | None = DEFAULT_CLIP,
    ) -> None:
        super().__init__(schedule, prediction, steps, clip, eta=1.0)
        if len(self.steps) < 2:
            raise ConfigError(f"steps={list(self.steps)} must be at least two: the last one has no noise")
        self.draws = len(self.steps)  # of a path: its first latent, and the noise of all updates but the last
        self._free = self.draws
        self._shared, self._own = torch.Generator(), torch.Generator()
        self._updates: list[FreeUpdate] = []

    def begin(self, shared_seed: int, own_seed: int, free: int) -> None:
        """Begin an attempt: its chunks share their beginnings with those of another of this `shared_seed`
        and as many `free` draws; with all of them they share nothing."""
        if not 1 <= free <= self.draws:
            raise ConfigError(f"free={free} must lie in [1, {self.draws}]")
        self._free = free
        self._shared.manual_seed(shared_seed)
        self._own.manual_seed(own_seed)
        self._updates.clear()

    def take(self) -> list[FreeUpdate]:
        """Return the updates with noise since `begin`, in their order."""
        taken, self._updates = self._updates, []
        return taken

    def update(
        self, x: Tensor, x_0: Tensor, k: int, k_next: int, path: DenoisingHistory
    ) -> tuple[Tensor, float]:
        """Return mean and standard deviation of x_{k_next}; no spread where branches are still one."""
        self.eta = 1.0 if path.index >= self._first and k_next != CLEAN else 0.0
        return super().update(x, x_0, k, k_next, path)

    @property
    def _first(self) -> int:
        """Index of the first update with noise."""
        return max(self.draws - 1 - self._free, 0)

    def sample(
        self,
        denoise: Denoise,
        shape: Sequence[int],
        generator: torch.Generator,
        initial: Tensor | None = None,
        start: Start | None = None,
        guide: Guide | None = None,
        prefix: Prefix | None = None,
        device: torch.device | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Return a branch; noise comes from its own generators. ConfigError: something is imposed on it."""
        if any(given is not None for given in (initial, start, guide, prefix)) or condition is None:
            raise ConfigError("branches begin from noise and answer an observation; nothing may be imposed")
        own = self._free == self.draws
        self.latent = draw(shape, self._own if own else self._shared).to(device)
        trace = self.trace(denoise, shape, self._own, self.latent, device=device)
        for number, step in enumerate(trace.steps[:-1]):
            if number >= self._first:
                self._updates.append(
                    FreeUpdate(condition, step.x, step.k, step.x_next, step.k_next, step.mean)
                )
        return trace.x_0
