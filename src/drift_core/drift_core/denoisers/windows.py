"""What a network is trained on: windows as it sees them, and noise on their actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.sampler import draw
from drift_core.share import Portion, Total, alone


@dataclass(frozen=True, eq=False)
class FutureWindows:
    """What B windows saw at Tf later policy steps."""

    features: Tensor  # (B, Tf, D) of the newest frames; D = 0 without cameras
    state: Tensor  # (B, Tf, S) normalised
    mask: Tensor  # (B, Tf) bool, false where the episode does not go on that far
    frame_index: Tensor  # (B, Tf) rows of the images
    images: Mapping[str, Tensor] = field(default_factory=dict)  # by camera (F, 3, H, W) uint8, if encoded


@dataclass(frozen=True, eq=False)
class Windows:
    """B windows, encoded and normalised."""

    condition: Tensor  # (B, C)
    actions: Tensor  # (B, T, A) normalised
    mask: Tensor  # (B, T) bool, true where the label may be trained on
    future: FutureWindows | None = None
    returns: Tensor | None = None  # (B,), as in Batch
    total: Total = alone  # of a number of these windows, over all processes that share the batch

    def mean(self, values: Tensor, counted: Tensor) -> Tensor:
        """Return the mean of `values` (N, ...) over what is `counted` (N, ...), 0 where that is nothing.

        Where several processes share a batch it is what these windows add to the mean of all.
        """
        counted = counted.to(values)
        return (values * counted).sum() / self.total(counted.sum()).clamp(min=1.0)


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
    among: Portion | None = None  # which windows of a whole batch these are; noise is drawn for all of it

    def add(self, actions: Tensor) -> Noised:
        """Return `actions` (B, T, A) noised, (B draws, T, A); the draws of a window stand side by side."""
        x_0 = self.repeat(actions)
        noise, among = self.normal(x_0, self.draws), self._among(self.draws)
        count = x_0.shape[0] if among is None else among.of
        k = torch.randint(
            self.schedule.train_steps, (count,), generator=self.generator, device=self.generator.device
        ).to(x_0.device)
        if among is not None:
            k = k[among.rows]
        return Noised(
            self.schedule.add_noise(x_0, noise, k), k, self.schedule.target(x_0, noise, k, self.prediction)
        )

    def normal(self, like: Tensor, draws: int = 1) -> Tensor:
        """Return standard normal numbers like `like` (B draws, ...); those of a window stand side by side."""
        among = self._among(draws)
        count = like.shape[0] if among is None else among.of
        noise = draw((count, *like.shape[1:]), self.generator).to(like)
        return noise if among is None else noise[among.rows]

    def _among(self, draws: int) -> Portion | None:
        return None if self.among is None else self.among.repeated(draws)

    def repeat(self, rows: Tensor) -> Tensor:
        """Return each of `rows` (B, ...) once for every draw, (B draws, ...)."""
        return rows.repeat_interleave(self.draws, dim=0)
