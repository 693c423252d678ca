"""Branches of one denoising path: they share its beginning, and each goes on with noise of its own
(B2-DiffuRL, CVPR 2025, arXiv 2503.11240).

DDIM that is deterministic until its last `free` noisy updates and stochastic (eta = 1) there; the very last
update leads to clean data and has no noise. The first latents come from one generator, which the branches of
a group share, the noise from another. No name makes it: whoever drives by a sampler's name cannot explore.
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
        self.most = len(self.steps) - 1  # noisy updates that a path can have
        self._free = self.most
        self._shared, self._own = torch.Generator(), torch.Generator()
        self._updates: list[FreeUpdate] = []

    def begin(self, shared_seed: int, own_seed: int, free: int) -> None:
        """Begin an attempt: its chunks share their beginnings with those of another of this `shared_seed`
        and as many `free` updates."""
        if not 1 <= free <= self.most:
            raise ConfigError(f"free={free} must lie in [1, {self.most}]")
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
        begin = len(path.steps) - 1 - self._free
        self.eta = 1.0 if path.index >= begin and k_next != CLEAN else 0.0
        return super().update(x, x_0, k, k_next, path)

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
        self.latent = draw(shape, self._shared).to(device)
        trace = self.trace(denoise, shape, self._own, self.latent, device=device)
        for number, step in enumerate(trace.steps[:-1]):
            if number >= self.most - self._free:
                self._updates.append(
                    FreeUpdate(condition, step.x, step.k, step.x_next, step.k_next, step.mean)
                )
        return trace.x_0
