"""Training windows of many episodes, and batches of them in which each frame appears once."""

import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drift_core.data.features import Encode, FeatureTable
from drift_core.data.pictures import PictureMemory, Pictures
from drift_core.data.rows import Rows
from drift_core.data.windows import FutureSet, WindowSet
from drift_core.errors import DataError, ShapeError
from drift_core.policy.batch import Batch, Future, concatenate
from drift_core.share import WHOLE, Portion, Share, Split

# What is kept of the windows, and how it looks before there are any. Frame rows, and thus moments, F.
_COLUMNS = {
    "_frame_rows": torch.zeros(0, 0, dtype=torch.long),  # (F, cameras) rows of the images
    "_frame_index": torch.zeros(0, 0, dtype=torch.long),  # (N, To) rows of the frame rows
    "state": torch.zeros(0, 0, 0),  # (N, To, S) raw
    "actions": torch.zeros(0, 0, 0),  # (N, T, A) raw
    "mask": torch.zeros(0, 0, dtype=torch.bool),  # (N, T)
    "window_class": torch.zeros(0, dtype=torch.long),  # (N,) WindowClass
    "idle": torch.zeros(0, dtype=torch.bool),  # (N,) the expert stood still
    "_task": torch.zeros(0, dtype=torch.long),  # (N,) which one, where there are several
    "_returns": torch.zeros(0),  # (N,) score of the episode, NaN where it has none
    "_weight": torch.zeros(0),  # (N,) of the episode
    # What is ahead of the windows, when they were cut with it; else Tf = 0.
    "_future_index": torch.zeros(0, 0, dtype=torch.long),  # (N, Tf) rows of the frame rows
    "_future_state": torch.zeros(0, 0, 0),  # (N, Tf, S) raw
    "_future_mask": torch.zeros(0, 0, dtype=torch.bool),  # (N, Tf)
}


@dataclass(frozen=True)
class _Span:
    """How many rows an episode has."""

    windows: int
    moments: int
    images: dict[str, int]  # by camera


class WindowDataset:
    """Windows to train on. Frames stay uint8; everything is ready-made for indexing."""

    def __init__(
        self,
        window_sets: Iterable[WindowSet] = (),
        returns: bool = False,
        memory: PictureMemory | None = None,
        unlabelled: bool = False,
    ) -> None:
        """`returns`: batches carry the score of their episodes. `memory`, of frames: None: without limit.

        `unlabelled`: windows without a valid label are taken, too, if their observations to come are there.
        """
        self._memory = PictureMemory(sys.maxsize) if memory is None else memory
        self._spans: dict[str, _Span] = {}  # by episode, in the order of their rows
        self._columns = {name: Rows(empty) for name, empty in _COLUMNS.items()}
        self._images: dict[str, Pictures] = {}  # by camera
        self._with_returns, self._unlabelled = returns, unlabelled
        self._table: FeatureTable | None = None  # shown instead of images, once `encode` was called
        self._feature_rows = Rows(torch.zeros(0, dtype=torch.long))  # (F,) of it
        for window_set in window_sets:
            self.add(window_set)

    def __len__(self) -> int:
        return len(self._columns["state"])

    @property
    def episode_ids(self) -> list[str]:
        """The episodes whose windows are here, in the order in which they came."""
        return list(self._spans)

    @property
    def state(self) -> Tensor:
        """(N, To, S) raw."""
        return self._columns["state"].data

    @property
    def actions(self) -> Tensor:
        """(N, T, A) raw."""
        return self._columns["actions"].data

    @property
    def mask(self) -> Tensor:
        """(N, T) bool."""
        return self._columns["mask"].data

    @property
    def window_class(self) -> Tensor:
        """(N,) WindowClass."""
        return self._columns["window_class"].data

    @property
    def idle(self) -> Tensor:
        """(N,) bool, the expert stood still."""
        return self._columns["idle"].data

    @property
    def n_frames(self) -> int:
        """F, moments at which every camera has a frame."""
        return len(self._columns["_frame_rows"])

    @property
    def labels(self) -> int:
        """Policy steps that became labels."""
        return int(self.mask[:, :1].sum())

    def add(self, window_set: WindowSet) -> int:
        """Add the windows of an episode that can be trained on; return their number.

        Every frame of them is decoded once. DataError where one cannot be, ShapeError where they do not fit
        to what is here; nothing is added then.
        """
        windows = window_set.trainable(self._unlabelled)
        if not len(windows):
            return 0
        if windows.episode_id in self._spans:
            raise DataError(f"episode {windows.episode_id} is in the dataset already")
        images = {camera: frames.images() for camera, frames in windows.frames.items()}
        self._check(windows, images)
        frame_rows = torch.from_numpy(windows.frame_rows).clone()
        n_frames = self.n_frames
        for column, (camera, frames) in enumerate(windows.frames.items()):
            pictures = self._images.setdefault(camera, Pictures(self._memory))
            frame_rows[:, column] += len(pictures)
            pictures.append(frames, images.pop(camera))
        for name, value in _columns_of(windows, frame_rows, n_frames).items():
            self._columns[name].append([value])
        counts = {camera: len(frames) for camera, frames in windows.frames.items()}
        self._spans[windows.episode_id] = _Span(len(windows), len(windows.frame_rows), counts)
        return len(windows)

    def remove(self, episode_ids: Collection[str]) -> int:
        """Take the windows of these episodes out, as far as they are here; return their number."""
        removed = 0
        for episode_id in [known for known in self._spans if known in episode_ids]:
            removed += self._remove(episode_id)
        return removed

    def _remove(self, episode_id: str) -> int:
        """Take out the rows of an episode; those behind them move up, and with them what points to them."""
        before = _Span(0, 0, {camera: 0 for camera in self._images})
        for known, span in self._spans.items():
            if known == episode_id:
                break
            images = {camera: count + span.images[camera] for camera, count in before.images.items()}
            before = _Span(before.windows + span.windows, before.moments + span.moments, images)
        span = self._spans.pop(episode_id)
        encoded = len(self._feature_rows) - before.moments
        if encoded > 0:
            self._feature_rows.remove(before.moments, min(span.moments, encoded))
        for name, rows in self._columns.items():
            here = name == "_frame_rows"
            rows.remove(*((before.moments, span.moments) if here else (before.windows, span.windows)))
        for name in ("_frame_index", "_future_index"):
            self._columns[name].data[before.windows :] -= span.moments
        for column, (camera, pictures) in enumerate(self._images.items()):
            pictures.remove(before.images[camera], span.images[camera])
            self._columns["_frame_rows"].data[before.moments :, column] -= span.images[camera]
        return span.windows

    def batch(self, indices: Tensor, split: Split = WHOLE, first: int = 0) -> Batch:
        """Join the windows `indices` (B,) into a batch, with features instead of images if there are any.

        With a `split`, only the share of this process, and only its frames; `first`: which row of the whole
        batch the first of these windows is.
        """
        if self._table is not None and (new := self.unencoded(self._table)):
            have = self.n_frames - new
            raise DataError(
                f"features={have} must be one per frame, {self.n_frames}: encode new frames first"
            )
        index, future = self._rows("_frame_index")[indices], None  # (B, To)
        steps, ahead = index.shape[1], self._rows("_future_index").shape[1]
        if ahead:
            index = torch.cat([index, self._rows("_future_index")[indices]], dim=1)  # (B, To + Tf)
        frames, index = torch.unique(index, return_inverse=True)  # (F,), (B, To + Tf)
        share = None
        if split.count > 1:
            mine = split.rows(first, len(indices))
            used, index = torch.unique(index[mine], return_inverse=True)
            share = Share(Portion(mine, len(indices)), Portion(used, len(frames)), split.total)
            indices, frames = indices[mine], frames[used]
        if ahead:
            state, mask = self._rows("_future_state")[indices], self._rows("_future_mask")[indices]
            index, future = index[:, :steps], Future(index[:, steps:], state, mask)
        table = self._table
        return Batch(
            images=self._images_of(frames) if table is None else {},
            frame_index=index,
            features=None if table is None else table.features(self._feature_rows.data[frames]),
            state=self.state.index_select(0, indices),
            actions=self.actions.index_select(0, indices),
            mask=self.mask.index_select(0, indices),
            future=future,
            returns=self._rows("_returns").index_select(0, indices) if self._with_returns else None,
            share=share,
            task=self._rows("_task").index_select(0, indices),
        )

    def rows(self, episode_ids: Collection[str], idle: bool = True) -> Tensor:
        """Return the indices (M,) of the windows of these episodes, as far as they are here; without `idle`
        only those in which the expert moves."""
        begin, parts = 0, [torch.zeros(0, dtype=torch.long)]
        for known, span in self._spans.items():
            if known in episode_ids:
                parts.append(torch.arange(begin, begin + span.windows))
            begin += span.windows
        rows = torch.cat(parts)
        return rows if idle else rows[~self.idle[rows]]

    def sample(
        self,
        generator: torch.Generator,
        batch_size: int,
        idle_weight: float = 1.0,
        among: Tensor | None = None,
        split: Split = WHOLE,
        first: int = 0,
    ) -> Batch:
        """Draw windows with replacement by the weight of their episodes, idle ones `idle_weight` as often.

        `among` (M,): only these. `split`, `first`: which of those drawn are returned, as of `batch`.
        """
        count = len(self) if among is None else len(among)
        if count == 0:
            raise DataError("the dataset has no window with a valid label")
        idle, weights = self.idle, self._rows("_weight")
        if among is not None:
            idle, weights = idle[among], weights[among]
        if (idle_weight == 1.0 or not idle.any()) and bool((weights == 1.0).all()):
            drawn = torch.randint(count, (batch_size,), generator=generator)
        else:
            if idle_weight == 0.0 and idle.all():
                raise DataError(f"idle_weight=0 leaves nothing: all {count} windows are idle")
            weights = torch.where(idle, idle_weight, 1.0) * weights
            if not bool(weights.any()):
                raise DataError(f"weight=0 of their episodes leaves none of {count} windows")
            # not torch.multinomial, which takes at most 2^24 windows
            total = weights.cumsum(0, dtype=torch.float64)
            at = torch.rand(batch_size, generator=generator, dtype=torch.float64) * total[-1]
            drawn = torch.searchsorted(total, at, right=True).clamp(max=count - 1)
        return self.batch(drawn if among is None else among[drawn], split, first)

    def unencoded(self, table: FeatureTable) -> int:
        """Moments of which no row of `table` is known."""
        return self.n_frames - (len(self._feature_rows) if table is self._table else 0)

    def encode(self, table: FeatureTable, encoders: Sequence[Encode], frames_at_once: int = 256) -> None:
        """Show features of `table` instead of images in all batches, as long as the encoder is frozen.

        `encoders`, one for each view, get the frames that are in no way known yet.
        """
        if table is not self._table:
            self.forget_features()
            self._table = table
        for begin in range(len(self._feature_rows), self.n_frames, frames_at_once):
            frames = torch.arange(begin, min(begin + frames_at_once, self.n_frames))
            self._feature_rows.append([table.rows(self._images_of(frames), encoders)])

    def forget_features(self) -> None:
        """Put images into the batches again, as after a change of the encoder."""
        self._table, self._feature_rows = None, Rows(torch.zeros(0, dtype=torch.long))

    def _rows(self, column: str) -> Tensor:
        return self._columns[column].data

    def _images_of(self, frames: Tensor) -> dict[str, Tensor]:
        rows = self._rows("_frame_rows")[frames]  # (F, cameras)
        return {camera: images.select(rows[:, n]) for n, (camera, images) in enumerate(self._images.items())}

    def _check(self, windows: WindowSet, images: dict[str, np.ndarray]) -> None:
        """Refuse windows that do not fit to those that are here."""
        if not len(self):
            return
        here: dict[str, tuple[int, ...]] = {
            name: tuple(self._rows(name).shape[1:]) for name in ("state", "actions")
        }
        here["future"] = tuple(self._rows("_future_index").shape[1:])
        here |= {camera: pictures.size for camera, pictures in self._images.items()}
        new = {"state": windows.state.shape[1:], "actions": windows.actions.shape[1:]}
        new["future"] = (0,) if windows.future is None else windows.future.mask.shape[1:]
        new |= {camera: shown.shape[1:3] for camera, shown in images.items()}
        if new != here:
            raise ShapeError(f"episode {windows.episode_id}: shapes={new} must be {here} as in the dataset")


def _columns_of(windows: WindowSet, frame_rows: Tensor, n_frames: int) -> dict[str, Tensor]:
    """Return the rows of `windows` for a dataset that has `n_frames` moments already."""
    score = math.nan if windows.score is None else windows.score
    future = windows.future or _nothing_ahead(windows)
    return {
        "_frame_rows": frame_rows,
        "_frame_index": torch.from_numpy(windows.frame_index) + n_frames,
        "state": torch.from_numpy(windows.state),
        "actions": torch.from_numpy(windows.actions),
        "mask": torch.from_numpy(windows.mask),
        "window_class": torch.from_numpy(windows.window_class).long(),
        "idle": torch.from_numpy(windows.idle),
        "_task": torch.full((len(windows),), windows.task),
        "_returns": torch.full((len(windows),), score),
        "_weight": torch.full((len(windows),), windows.weight),
        "_future_index": torch.from_numpy(future.frame_index) + n_frames,
        "_future_state": torch.from_numpy(future.state),
        "_future_mask": torch.from_numpy(future.mask),
    }


def _nothing_ahead(windows: WindowSet) -> FutureSet:
    """Return the future of windows that were cut without one, of no steps."""
    count, state_dim = len(windows), windows.state.shape[2]
    return FutureSet(
        np.zeros((count, 0), dtype=np.int64),
        np.zeros((count, 0, state_dim), dtype=np.float32),
        np.zeros((count, 0), dtype=bool),
    )


def batches(
    dataset: WindowDataset,
    generator: torch.Generator,
    batch_size: int,
    idle_weight: float = 1.0,
    split: Split = WHOLE,
) -> Iterator[Batch]:
    """Draw batches without end, as `WindowDataset.sample` does."""
    while True:
        yield dataset.sample(generator, batch_size, idle_weight, split=split)


def mixed_batches(
    offline: WindowDataset,
    online: WindowDataset,
    generator: torch.Generator,
    batch_size: int,
    online_share: float = 0.5,
    idle_weight: float = 1.0,
    preferred: Callable[[], tuple[Tensor, float] | None] = lambda: None,
    split: Split = WHOLE,
) -> Iterator[Batch]:
    """Draw batches without end, half of each from the online data; all from the other while one is empty.

    `preferred`: indices (M,) of online windows, M > 0, and the share of the online ones that is drawn from
    them alone.
    """
    if not 0.0 <= online_share <= 1.0:
        raise DataError(f"online_share={online_share} must lie in [0, 1]")
    while True:
        n_online = round(batch_size * online_share) if len(offline) else batch_size
        n_online = n_online if len(online) else 0
        rows, share = preferred() or (None, 0.0)
        n_new = round(n_online * share)
        n_offline = batch_size - n_online
        sources = (
            (offline, 0, n_offline, None),
            (online, n_offline, n_online - n_new, None),
            (online, batch_size - n_new, n_new, rows),
        )
        yield concatenate(
            [
                dataset.sample(generator, count, idle_weight, among, split, first)
                for dataset, first, count, among in sources
                if count
            ]
        )
