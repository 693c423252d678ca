"""What all drafting networks share: they see the condition, and know the present pose in units of actions."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser
from drift_core.denoisers.windows import Noise, Windows
from drift_core.errors import ShapeError
from drift_core.samplers.draft import Draft
from drift_core.samplers.prefix import Prefix


class DraftConfigLike(Hashable, Protocol):
    """The settings of one kind of draft, frozen."""

    @property
    def kind(self) -> str:
        """Return the name of the kind, as in config/train."""

    @property
    def level(self) -> float:
        """Return the share of the noise schedule at which its polishing begins."""


@dataclass(frozen=True)
class Room:
    """The shapes that a draft is made for."""

    horizon: int  # T
    action_dim: int  # A
    condition_dim: int  # C
    pose_columns: tuple[int, ...]  # (A,) of the condition: what each action would be if the arm stayed


class DraftNetwork(Draft, nn.Module):
    """A draft that depends on the condition alone; subclasses give `forward` and what trains it."""

    pose_scale: Tensor
    pose_shift: Tensor

    def __init__(self, config: DraftConfigLike, room: Room) -> None:
        nn.Module.__init__(self)
        self.config, self.room, self.level = config, room, config.level
        first, last = room.pose_columns[0], room.pose_columns[-1]
        in_order = room.pose_columns == tuple(range(first, last + 1))
        self._columns = (
            slice(first, last + 1) if in_order else list(room.pose_columns)
        )  # a slice costs nothing
        # The condition has the pose in the units of normalised states, a chunk in those of actions.
        self.register_buffer("pose_scale", torch.ones(room.action_dim))
        self.register_buffer("pose_shift", torch.zeros(room.action_dim))

    @abstractmethod
    def forward(self, condition: Tensor) -> Tensor:
        """Return a clean chunk (B, T, A), normalised, for `condition` (B, C)."""

    def fit(self, actions: Tensor, mask: Tensor, pose: Tensor, generator: torch.Generator) -> None:
        """Take what is not learned by gradients from demonstrations; here nothing.

        `actions` (N, T, A), normalised, valid where `mask` (N, T); `pose` (N, A) at their beginning.
        """
        return

    def loss_terms(self, windows: Windows, noise: Noise, denoiser: Denoiser) -> dict[str, Tensor]:
        """Return scalars by name that a gradient step minimises beside those of the denoiser; here none."""
        return {}

    def pose(self, condition: Tensor) -> Tensor:
        """Return the present pose (B, A) as a normalised action."""
        if condition.shape[-1] != self.room.condition_dim:
            raise ShapeError(
                f"condition must be (B, {self.room.condition_dim}), got {tuple(condition.shape)}"
            )
        return torch.addcmul(self.pose_shift, condition[:, self._columns], self.pose_scale)

    def guess(
        self,
        shape: Sequence[int],
        generator: torch.Generator,
        condition: Tensor | None,
        prefix: Prefix | None,
    ) -> Tensor | None:
        """Return the draft for `condition`; None without one."""
        return None if condition is None else self(condition)


def squared_error(found: Tensor, windows: Windows) -> Tensor:
    """Return the mean squared error of `found` (B, T, A) over the labels that may be trained on."""
    error = (found - windows.actions).square().mean(dim=-1)  # (B, T)
    return windows.mean(error, windows.mask)
