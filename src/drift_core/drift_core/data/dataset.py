"""Training windows of many episodes in memory, and batches of them in which each frame appears once."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from drift_core.data.windows import FutureSet, WindowSet
from drift_core.errors import DataError, ShapeError
from drift_core.policy.batch import Batch, Future, concatenate

Encode = Callable[[dict[str, Tensor]], Tensor]  # images by camera (F, 3, H, W) uint8 -> features (F, D)


class WindowDataset:
    """Windows with at least one valid label. Frames stay uint8; everything is ready-made for indexing."""

    def __init__(self, window_sets: Iterable[WindowSet] = (), returns: bool = False) -> None:
        """`returns`: batches carry the score of their episodes."""
        self.episode_ids: list[str] = []
        self._images: dict[str, Tensor] = {}  # by camera: (K, 3, H, W) uint8
        self._frame_rows = torch.zeros(0, 0, dtype=torch.long)  # (F, cameras) rows of the images
        self._frame_index = torch.zeros(0, 0, dtype=torch.long)  # (N, To) rows of the frame rows
        self.state = torch.zeros(0, 0, 0)  # (N, To, S) raw
        self.actions = torch.zeros(0, 0, 0)  # (N, T, A) raw
        self.mask = torch.zeros(0, 0, dtype=torch.bool)  # (N, T)
        self.window_class = torch.zeros(0, dtype=torch.long)  # (N,) WindowClass
        self.idle = torch.zeros(0, dtype=torch.bool)  # (N,) the expert stood still
        self._returns = torch.zeros(0)  # (N,) score of the episode, NaN where it has none
        self._with_returns = returns
        # What is ahead of the windows, when they were cut with it; else Tf = 0.
        self._future_index = torch.zeros(0, 0, dtype=torch.long)  # (N, Tf) rows of the frame rows
        self._future_state = torch.zeros(0, 0, 0)  # (N, Tf, S) raw
        self._future_mask = torch.zeros(0, 0, dtype=torch.bool)  # (N, Tf)
        self.features: Tensor | None = None  # (F, D) of the frames, once `encode` was called
        self.extend(window_sets)

    def __len__(self) -> int:
        return self.state.shape[0]

    @property
    def n_frames(self) -> int:
        """F, moments at which every camera has a frame."""
        return self._frame_rows.shape[0]

    @property
    def labels(self) -> int:
        """Policy steps that became labels."""
        return len(self)

    def add(self, window_set: WindowSet) -> int:
        """Add the windows of an episode that have a label; return their number."""
        return self.extend([window_set])

    def extend(self, window_sets: Iterable[WindowSet]) -> int:
        """Add the windows of several episodes at once, which copies what is there only once."""
        added = [chosen for chosen in (windows.trainable() for windows in window_sets) if len(chosen)]
        images: dict[str, list[Tensor]] = {name: [frames] for name, frames in self._images.items()}
        parts: dict[str, list[Tensor]] = {
            name: [getattr(self, name)] if len(self) else [] for name in _COLUMNS
        }
        ids = list(self.episode_ids)
        n_frames, size = self.n_frames, {k: len(v) for k, v in self._images.items()}
        for windows in added:
            if windows.episode_id in ids:
                raise DataError(f"episode {windows.episode_id} is in the dataset already")
            self._check(windows, {name: frames[0] for name, frames in images.items()}, parts)
            rows = torch.from_numpy(windows.frame_rows).clone()
            for column, (camera, frames) in enumerate(windows.frames.items()):
                rows[:, column] += size.get(camera, 0)
                size[camera] = size.get(camera, 0) + len(frames)
                images.setdefault(camera, []).append(
                    torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
                )
            parts["_frame_rows"].append(rows)
            parts["_frame_index"].append(torch.from_numpy(windows.frame_index) + n_frames)
            parts["state"].append(torch.from_numpy(windows.state))
            parts["actions"].append(torch.from_numpy(windows.actions))
            parts["mask"].append(torch.from_numpy(windows.mask))
            parts["window_class"].append(torch.from_numpy(windows.window_class).long())
            parts["idle"].append(torch.from_numpy(windows.idle))
            score = math.nan if windows.score is None else windows.score
            parts["_returns"].append(torch.full((len(windows),), score))
            future = windows.future or _nothing_ahead(windows)
            parts["_future_index"].append(torch.from_numpy(future.frame_index) + n_frames)
            parts["_future_state"].append(torch.from_numpy(future.state))
            parts["_future_mask"].append(torch.from_numpy(future.mask))
            n_frames += len(rows)
            ids.append(windows.episode_id)
        if added:
            self._images = {camera: torch.cat(frames) for camera, frames in images.items()}
            for name, tensors in parts.items():
                setattr(self, name, torch.cat(tensors))
            self.episode_ids = ids
        return sum(len(windows) for windows in added)

    def batch(self, indices: Tensor) -> Batch:
        """Join the windows `indices` (B,) into a batch, with features instead of images if there are any."""
        if self.features is not None and len(self.features) != self.n_frames:
            have = len(self.features)
            raise DataError(
                f"features={have} must be one per frame, {self.n_frames}: encode new frames first"
            )
        index, future = self._frame_index[indices], None  # (B, To)
        steps, ahead = index.shape[1], self._future_index.shape[1]
        if ahead:
            index = torch.cat([index, self._future_index[indices]], dim=1)  # (B, To + Tf)
        frames, index = torch.unique(index, return_inverse=True)  # (F,), (B, To + Tf)
        if ahead:
            state, mask = self._future_state[indices], self._future_mask[indices]
            index, future = index[:, :steps], Future(index[:, steps:], state, mask)
        return Batch(
            images=self._images_of(frames) if self.features is None else {},
            frame_index=index,
            features=None if self.features is None else self.features.index_select(0, frames),
            state=self.state.index_select(0, indices),
            actions=self.actions.index_select(0, indices),
            mask=self.mask.index_select(0, indices),
            future=future,
            returns=self._returns.index_select(0, indices) if self._with_returns else None,
        )

    def sample(self, generator: torch.Generator, batch_size: int, idle_weight: float = 1.0) -> Batch:
        """Draw windows with replacement, uniformly but for the idle ones: a share `idle_weight` as often."""
        if len(self) == 0:
            raise DataError("the dataset has no window with a valid label")
        if idle_weight == 1.0 or not self.idle.any():
            return self.batch(torch.randint(len(self), (batch_size,), generator=generator))
        if idle_weight == 0.0 and self.idle.all():
            raise DataError(f"idle_weight=0 leaves nothing: all {len(self)} windows are idle")
        weights = torch.where(self.idle, idle_weight, 1.0)
        # not torch.multinomial, which takes at most 2^24 windows
        total = weights.cumsum(0, dtype=torch.float64)
        drawn = torch.rand(batch_size, generator=generator, dtype=torch.float64) * total[-1]
        return self.batch(torch.searchsorted(total, drawn, right=True).clamp(max=len(self) - 1))

    def encode(self, encode: Encode, frames_at_once: int = 256) -> None:
        """Replace the images in all batches by `encode(images)`, as long as the encoder is frozen.

        Frames that were encoded before are kept, so that a round encodes only what it added.
        """
        done = 0 if self.features is None else len(self.features)
        parts = [] if self.features is None else [self.features]
        with torch.no_grad():
            for begin in range(done, self.n_frames, frames_at_once):
                frames = torch.arange(begin, min(begin + frames_at_once, self.n_frames))
                parts.append(encode(self._images_of(frames)))
        if parts:
            self.features = torch.cat(parts)

    def forget_features(self) -> None:
        """Put images into the batches again, as after a change of the encoder."""
        self.features = None

    def _images_of(self, frames: Tensor) -> dict[str, Tensor]:
        rows = self._frame_rows[frames]  # (F, cameras)
        # index_select copies whole images, which indexing by a tensor does a number at a time
        return {
            camera: images.index_select(0, rows[:, n])
            for n, (camera, images) in enumerate(self._images.items())
        }

    def _check(self, windows: WindowSet, images: dict[str, Tensor], parts: dict[str, list[Tensor]]) -> None:
        """Refuse windows that do not fit to those that are here."""
        if not parts["state"]:
            return
        here = {name: tuple(parts[name][0].shape[1:]) for name in ("state", "actions")}
        here["future"] = tuple(parts["_future_index"][0].shape[1:])
        here |= {camera: tuple(frames.shape[2:]) for camera, frames in images.items()}
        new = {"state": windows.state.shape[1:], "actions": windows.actions.shape[1:]}
        new["future"] = (0,) if windows.future is None else windows.future.mask.shape[1:]
        new |= {camera: frames.shape[1:3] for camera, frames in windows.frames.items()}
        if new != here:
            raise ShapeError(f"episode {windows.episode_id}: shapes={new} must be {here} as in the dataset")


_COLUMNS = (
    "_frame_rows",
    "_frame_index",
    "state",
    "actions",
    "mask",
    "window_class",
    "idle",
    "_returns",
    "_future_index",
    "_future_state",
    "_future_mask",
)


def _nothing_ahead(windows: WindowSet) -> FutureSet:
    """Return the future of windows that were cut without one, of no steps."""
    count, state_dim = len(windows), windows.state.shape[2]
    return FutureSet(
        np.zeros((count, 0), dtype=np.int64),
        np.zeros((count, 0, state_dim), dtype=np.float32),
        np.zeros((count, 0), dtype=bool),
    )


def batches(
    dataset: WindowDataset, generator: torch.Generator, batch_size: int, idle_weight: float = 1.0
) -> Iterator[Batch]:
    """Draw batches without end, as `WindowDataset.sample` does."""
    while True:
        yield dataset.sample(generator, batch_size, idle_weight)


def mixed_batches(
    offline: WindowDataset,
    online: WindowDataset,
    generator: torch.Generator,
    batch_size: int,
    online_share: float = 0.5,
    idle_weight: float = 1.0,
) -> Iterator[Batch]:
    """Draw batches without end, half of each from the online data; all from the other while one is empty."""
    if not 0.0 <= online_share <= 1.0:
        raise DataError(f"online_share={online_share} must lie in [0, 1]")
    while True:
        n_online = round(batch_size * online_share) if len(offline) else batch_size
        n_online = n_online if len(online) else 0
        sources = ((offline, batch_size - n_online), (online, n_online))
        yield concatenate(
            [dataset.sample(generator, count, idle_weight) for dataset, count in sources if count]
        )
