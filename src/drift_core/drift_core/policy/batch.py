"""A batch of training windows in which each camera frame appears once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from drift_core.errors import ShapeError
from drift_core.policy.path_steps import PathSteps
from drift_core.share import Share, joined


@dataclass(frozen=True, eq=False)
class Future:
    """What B windows saw at Tf later policy steps; their frames are frames of the batch."""

    frame_index: Tensor  # (B, Tf) long, row of the newest frame
    state: Tensor  # (B, Tf, S) float32, raw units
    mask: Tensor  # (B, Tf) bool, false where the episode does not go on that far

    def to(self, device: torch.device | str) -> "Future":
        """Return the same on `device`."""
        return Future(self.frame_index.to(device), self.state.to(device), self.mask.to(device))


@dataclass(frozen=True, eq=False)
class Batch:
    """B windows over F distinct frames; row f of every camera belongs to the same moment."""

    images: dict[str, Tensor]  # by camera: (F, 3, H, W) uint8 RGB; may be empty when there are features
    frame_index: Tensor  # (B, To) long, rows of the frames; newest last
    features: Tensor | None  # (F, D) cached encoder output
    state: Tensor  # (B, To, S) float32, raw units
    actions: Tensor  # (B, T, A) float32, raw units
    mask: Tensor  # (B, T) bool, true where the label may be trained on
    future: Future | None = None  # when asked for
    returns: Tensor | None = None  # (B,) float32, when asked for: score of the episode, NaN where it has none
    share: Share | None = None  # of a larger batch, where several processes divide it; None: all of it
    task: Tensor | None = None  # (B,) long, which of the tasks that the policy learns; None: there is one
    refused: "Batch | None" = (
        None  # what each window is preferred to, B windows; where pairs are learned from
    )
    path: PathSteps | None = None  # updates of denoising paths to learn from, in place of windows

    @classmethod
    def of_path(cls, path: PathSteps) -> "Batch":
        """Return a batch of updates of denoising paths: no window is in it."""
        windows, index = torch.zeros(0, 0, 0), torch.zeros(0, 0, dtype=torch.long)
        return cls({}, index, None, windows, windows, index.bool(), path=path)

    def __post_init__(self) -> None:
        size = self.state.shape[0]
        parts = {"frame_index": self.frame_index, "actions": self.actions, "mask": self.mask}
        if self.future is not None:
            parts |= {
                f"future.{name}": getattr(self.future, name) for name in ("frame_index", "state", "mask")
            }
        for name in ("returns", "task"):
            if (part := getattr(self, name)) is not None:
                parts[name] = part
        for name, part in parts.items():
            if part.shape[0] != size:
                shape = tuple(part.shape)
                raise ShapeError(f"{name} must have B={size} rows like state, got {shape}")
        if self.refused is not None and self.refused.actions.shape != self.actions.shape:
            raise ShapeError(
                f"actions of what was refused must be {tuple(self.actions.shape)}, "
                f"got {tuple(self.refused.actions.shape)}"
            )
        if self.mask.shape != self.actions.shape[:2]:
            raise ShapeError(f"mask must be {tuple(self.actions.shape[:2])}, got {tuple(self.mask.shape)}")

    @property
    def size(self) -> int:
        """B."""
        return self.state.shape[0]

    @property
    def n_frames(self) -> int:
        """F; 0 when the task has no cameras."""
        if self.features is not None:
            return self.features.shape[0]
        return next((frames.shape[0] for frames in self.images.values()), 0)

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on `device`."""
        return Batch(
            images={camera: frames.to(device) for camera, frames in self.images.items()},
            frame_index=self.frame_index.to(device),
            features=None if self.features is None else self.features.to(device),
            state=self.state.to(device),
            actions=self.actions.to(device),
            mask=self.mask.to(device),
            future=None if self.future is None else self.future.to(device),
            returns=None if self.returns is None else self.returns.to(device),
            share=None if self.share is None else self.share.to(device),
            task=None if self.task is None else self.task.to(device),
            refused=None if self.refused is None else self.refused.to(device),
            path=None if self.path is None else self.path.to(device),
        )


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Join batches of the same task into one; frames stay distinct."""
    first = batches[0]
    if any(batch.path is not None for batch in batches):
        raise ShapeError("batches of denoising paths cannot be joined: draw a larger one")
    kinds = {
        (
            tuple(sorted(b.images)),
            *(part is not None for part in (b.features, b.future, b.returns, b.share, b.task, b.refused)),
        )
        for b in batches
    }
    if len(kinds) > 1:
        raise ShapeError(
            f"batches to join must agree in (cameras, has features, has future, has returns, is a share, "
            f"has tasks, has what was refused), got {sorted(kinds)}"
        )
    features = [batch.features for batch in batches if batch.features is not None]
    returns = [batch.returns for batch in batches if batch.returns is not None]
    shares = [batch.share for batch in batches if batch.share is not None]
    tasks = [batch.task for batch in batches if batch.task is not None]
    refused = [batch.refused for batch in batches if batch.refused is not None]
    index, futures, offset = [], [], 0
    for batch in batches:
        index.append(batch.frame_index + offset)
        if batch.future is not None:
            futures.append(replace(batch.future, frame_index=batch.future.frame_index + offset))
        offset += batch.n_frames
    return Batch(
        images={camera: torch.cat([b.images[camera] for b in batches]) for camera in first.images},
        frame_index=torch.cat(index),
        features=torch.cat(features) if features else None,
        state=torch.cat([b.state for b in batches]),
        actions=torch.cat([b.actions for b in batches]),
        mask=torch.cat([b.mask for b in batches]),
        future=_joined(futures) if futures else None,
        returns=torch.cat(returns) if returns else None,
        share=joined(shares) if shares else None,
        task=torch.cat(tasks) if tasks else None,
        refused=concatenate(refused) if refused else None,
    )


def _joined(futures: list[Future]) -> Future:
    return Future(
        torch.cat([f.frame_index for f in futures]),
        torch.cat([f.state for f in futures]),
        torch.cat([f.mask for f in futures]),
    )
