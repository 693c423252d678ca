"""What a network is trained on: windows as it sees them, and noise on their actions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.sampler import draw


@dataclass(frozen=True, eq=False)
class FutureWindows:
    """What B windows saw at Tf later policy steps."""

    features: Tensor  # (B, Tf, D) of the newest frames; D = 0 without cameras
    state: Tensor  # (B, Tf, S) normalised
    mask: Tensor  # (B, Tf) bool, false where the episode does not go on that far


@dataclass(frozen=True, eq=False)
class Windows:
    """B windows, encoded and normalised."""

    condition: Tensor  # (B, C)
    actions: Tensor  # (B, T, A) normalised
    mask: Tensor  # (B, T) bool, true where the label may be trained on
    future: FutureWindows | None = None
    returns: Tensor | None = None  # (B,), as in Batch


@dataclass(frozen=True, eq=False)
class Noised:
    """Actions with noise on them, and what a network is to make of them."""

    x: Tensor  # (N, T, A)
    k: Tensor  # (N,) steps of the noise schedule
    target: Tensor  # (N, T, A)


@dataclass(frozen=True, eq=False)
class Noise:
    """How actions are noised: at steps of `schedule` drawn evenly, `draws` times for each window."""

    schedule: NoiseSchedule
    prediction: Prediction
    generator: torch.Generator
    draws: int = 1

    def add(self, actions: Tensor) -> Noised:
        """Return `actions` (B, T, A) noised, (B draws, T, A); the draws of a window stand side by side."""
        x_0 = self.repeat(actions)
        noise = draw(x_0.shape, self.generator).to(x_0)
        k = torch.randint(
            self.schedule.train_steps, x_0.shape[:1], generator=self.generator, device=self.generator.device
        ).to(x_0.device)
        return Noised(
            self.schedule.add_noise(x_0, noise, k), k, self.schedule.target(x_0, noise, k, self.prediction)
        )

    def repeat(self, rows: Tensor) -> Tensor:
        """Return each of `rows` (B, ...) once for every draw, (B draws, ...)."""
        return rows.repeat_interleave(self.draws, dim=0)
