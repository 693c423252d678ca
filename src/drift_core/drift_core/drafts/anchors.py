"""Anchors to begin from (DiffusionDrive, arXiv 2411.15139): typical chunks, scored by the condition.

Anchors are the means that k-means finds among the demonstrated chunks, relative to the pose at their
beginning. A small head on the condition says how likely each is, p(m | c); one is drawn for each chunk, gets
noise of `level`, and has only the last steps denoised. So all ways stay, as often as the head has learned,
and one chunk is denoised, not one per anchor.

Training: the head by cross-entropy against the nearest anchor ("modes"); the denoiser, beside its usual loss,
on the nearest anchor with the noise of `level` ("anchored"), at the very step that it will be told. With a
running chunk to go on from, p(m | c) is multiplied by how well anchor m fits that chunk, so that a new chunk
does not change the way.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, Literal

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.denoisers.denoiser import Denoiser, mish
from drift_core.denoisers.windows import Noise, Windows
from drift_core.drafts.draft_network import DraftNetwork, Room, squared_error
from drift_core.drafts.k_means import k_means
from drift_core.errors import DataError
from drift_core.samplers.draft import level_step
from drift_core.samplers.prefix import Prefix

_FITTED_WINDOWS = 20_000  # at most
_SPREAD_MIN = 0.02  # of the chunks around an anchor, in normalised units


@dataclass(frozen=True, config=STRICT)
class AnchorsConfig:
    """Settings of `AnchorDraft`."""

    kind: Literal["anchors"] = "anchors"
    level: Annotated[float, Field(gt=0, le=1)] = 0.2
    modes: Annotated[int, Field(ge=2, le=256)] = 16  # M
    width: Annotated[int, Field(gt=0)] = 128  # of the head
    # What is less likely than this share of the likeliest is not drawn: the tail is mostly error of the head.
    least_share: Annotated[float, Field(ge=0, le=1)] = 0.1


class AnchorDraft(DraftNetwork):
    """M anchors and the head that scores them."""

    anchors: Tensor
    spread: Tensor

    def __init__(self, config: AnchorsConfig, room: Room) -> None:
        super().__init__(config, room)
        self.modes, self.least_share = config.modes, config.least_share
        self.register_buffer("anchors", torch.zeros(config.modes, room.horizon, room.action_dim))  # relative
        self.register_buffer("spread", torch.ones(config.modes))  # RMS of the chunks around each
        self.first = nn.Linear(room.condition_dim, config.width)
        self.second = nn.Linear(config.width, config.modes)

    def fit(self, actions: Tensor, mask: Tensor, pose: Tensor, generator: torch.Generator) -> None:
        """Find the anchors; DataError for fewer whole chunks than anchors."""
        whole = mask.all(dim=1).nonzero().flatten()
        if len(whole) < self.modes:
            raise DataError(
                f"modes={self.modes} anchors need as many labels with a whole chunk, there are {len(whole)}"
            )
        whole = whole[torch.randperm(len(whole), generator=generator)[:_FITTED_WINDOWS]]
        relative = (actions[whole] - pose[whole][:, None]).flatten(1)
        means, nearest = k_means(relative, self.modes, generator)
        error = (relative - means[nearest]).square().mean(dim=1)  # (N,)
        sums = torch.zeros(self.modes).index_add(0, nearest, error)
        counts = nearest.bincount(minlength=self.modes)
        self.anchors.copy_(means.view_as(self.anchors))
        self.spread.copy_((sums / counts.clamp(min=1)).sqrt().clamp(min=_SPREAD_MIN))

    def forward(self, condition: Tensor) -> Tensor:
        """Return the likeliest anchor at the present pose (B, T, A)."""
        return self._placed(self.scores(condition).argmax(dim=1), condition)

    def scores(self, condition: Tensor) -> Tensor:
        """Return log p(m | c) up to a constant, (B, M)."""
        return self.second(mish(self.first(condition)))

    def guess(
        self,
        shape: Sequence[int],
        generator: torch.Generator,
        condition: Tensor | None,
        prefix: Prefix | None,
    ) -> Tensor | None:
        """Return a drawn anchor at the present pose; None without a condition or finite scores."""
        if condition is None:
            return None
        scores = self.scores(condition)
        if prefix is not None:
            scores = scores - self._distance(
                prefix.known.to(condition), prefix.weight.to(condition), condition
            )
        shares = scores.softmax(dim=1).tolist()
        if not all(math.isfinite(row[0]) for row in shares):
            return None
        uniform = torch.rand(len(shares), generator=generator, device=generator.device).tolist()
        drawn = [self._drawn(row, share) for row, share in zip(shares, uniform, strict=True)]
        return self._placed(drawn, condition)

    def nearest(self, windows: Windows) -> Tensor:
        """Return the anchor nearest to each chunk (B,), by the labels that may be trained on."""
        relative = windows.actions - self.pose(windows.condition)[:, None]
        error = (relative[:, None] - self.anchors).square().mean(dim=-1)  # (B, M, T)
        return (error * windows.mask[:, None].to(error)).sum(dim=-1).argmin(dim=1)

    def loss_terms(self, windows: Windows, noise: Noise, denoiser: Denoiser) -> dict[str, Tensor]:
        """Return "modes" and "anchored"; of these the encoder gets a gradient from "anchored" alone."""
        nearest = self.nearest(windows)
        error = functional.cross_entropy(self.scores(windows.condition.detach()), nearest, reduction="none")
        modes = windows.mean(error, windows.mask.any(dim=1))
        step = level_step(self.level, noise.schedule)
        k = torch.full_like(nearest, step)
        placed = self._placed(nearest, windows.condition)
        x = noise.schedule.add_noise(placed, noise.normal(placed), k)
        output = denoiser(x, k, windows.condition)
        found = noise.schedule.clean_estimate(x, output, step, noise.prediction)
        return {"modes": modes, "anchored": squared_error(found, windows)}

    def _drawn(self, shares: list[float], uniform: float) -> int:
        """Return a mode by its share (M,), given a number from [0, 1); plain Python, as there are few."""
        least = self.least_share * max(shares)
        sums = list(accumulate(share if share >= least else 0.0 for share in shares))
        return bisect_right(sums, uniform * sums[-1])

    def _placed(self, modes: Tensor | list[int], condition: Tensor) -> Tensor:
        return self.anchors[modes] + self.pose(condition)[:, None]

    def _distance(self, known: Tensor, weight: Tensor, condition: Tensor) -> Tensor:
        """Return -log p(known | m) (B, M) for Gaussians around the anchors, up to a constant.

        `known` (B, T, A), counted by `weight` (T,).
        """
        counted = torch.where(weight[:, None] > 0.0, known - self.pose(condition)[:, None], 0.0)
        error = (counted[:, None] - self.anchors).square().mean(dim=-1)  # (B, M, T)
        variance = self.spread.square()
        steps = weight.sum()
        return (error * weight).sum(dim=-1) / (2.0 * variance) + 0.5 * steps * variance.log()
