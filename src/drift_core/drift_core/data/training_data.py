"""What is trained on: demonstrations, interventions, and episodes held out of both."""

import hashlib
import sys
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import overload

import torch
from drift_config.errors import DriftError

from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.data.pictures import PictureMemory
from drift_core.data.windows import WindowSet
from drift_core.episodes import EpisodeStore, Excerpts, excerpt_of, held_out
from drift_core.policy.batch import Batch

_HELD_OUT_BATCH = 256  # windows


@dataclass(frozen=True)
class Correction:
    """A take-over of the expert in the data; a demonstration is one, too."""

    episode_id: str
    intervention_id: int
    labels: int
    ended_s: float  # stamp of its last control step, ROS time


class TrainingData:
    """The windows of a store. `update` reads only episodes that are new; evaluations are left out."""

    def __init__(
        self,
        store: EpisodeStore,
        cut: WindowCutter,
        returns: bool = False,
        image_memory_bytes: int = sys.maxsize,
        unlabelled: bool = False,
    ) -> None:
        """`returns`: batches carry the score of their episodes. `unlabelled`: as of `WindowDataset`.

        `image_memory_bytes`: of decoded frames that are kept; others are decoded each time they are drawn.
        """
        memory = self._memory = PictureMemory(image_memory_bytes)
        self._store, self._cut, self._excerpts = store, cut, Excerpts(store)
        self._known: set[str] = set()  # episodes and excerpts
        self._corrections: dict[str, list[Correction]] = {}  # by episode or excerpt that is trained on
        dataset = partial(WindowDataset, returns=returns, memory=memory, unlabelled=unlabelled)
        self.offline = dataset()  # demonstrations
        self.online = dataset()  # interventions
        self.held_out = dataset()  # one in ten of either kind, never trained on
        self.left_out: dict[str, str] = {}  # episodes that cannot be trained on, with the reason
        self.remarks: dict[str, str] = {}  # what is lost of others
        self.complaints: list[str] = []  # both in words, in the order in which they were read

    @property
    def folder(self) -> Path:
        """Where the episodes lie."""
        return self._store.root

    @property
    def corrections(self) -> list[Correction]:
        """All take-overs that are trained on, in the order of their end."""
        found = [correction for corrections in self._corrections.values() for correction in corrections]
        return sorted(found, key=lambda correction: correction.ended_s)

    def names_of(self, corrections: Collection[tuple[str, int]]) -> list[str]:
        """Return the episodes and excerpts that hold one of these (episode, take-over)."""
        return [
            name
            for name, held in self._corrections.items()
            if any((found.episode_id, found.intervention_id) in corrections for found in held)
        ]

    @property
    def expert_labels(self) -> int:
        """Windows with a valid first label, also those held out."""
        return self.offline.labels + self.online.labels + self.held_out.labels

    @property
    def idle_labels(self) -> int:
        """Those of `expert_labels` at which the expert stood still."""
        return sum(int(part.idle.sum()) for part in (self.offline, self.online, self.held_out))

    def nothing(self, what: str) -> str:
        """Say that there is no `what` to train on, and what became of the episodes that are there."""
        text = f"no {what} in {self.folder} to train on"
        if held_out := self.held_out.episode_ids:
            text += f"; held out, as one episode in ten is: {', '.join(held_out)} (record another one)"
        told = self.left_out | self.remarks
        return "; ".join([text, *(f"{episode_id}: {reason}" for episode_id, reason in told.items())])

    def update(self, excerpts: bool = False) -> Generator[str, None, None]:
        """Take in what is new in the store; yields a text after each episode, and may be broken off there.

        What has vanished from the store leaves the data. With `excerpts` those of open episodes are taken in,
        too; a finished episode takes their place.
        """
        open_excerpts = self._excerpts.ids() if excerpts else []  # before the episodes, as it says there
        finished = self._store.ids()
        open_excerpts = [name for name in open_excerpts if not held_out(excerpt_of(name)[0])]
        self._forget(self._known.difference(finished, open_excerpts))
        new = [name for name in [*finished, *open_excerpts] if name not in self._known]
        for number, name in enumerate(new, 1):
            text = f"read episode {number} of {len(new)}"
            try:
                if name in open_excerpts:
                    self._take(name, excerpt_of(name)[0], self.online, self._cut.excerpt(name))
                else:
                    self._take_episode(name)
            except DriftError as error:
                if name in open_excerpts and name not in self._excerpts.ids():
                    continue  # its episode ended while it was read
                self.left_out[name] = str(error)
                text = f"episode {name} cannot be trained on: {error}"
                self.complaints.append(text)
            self._known.add(name)
            if self._memory.refused and self._memory.full not in self.complaints:
                self.complaints.append(self._memory.full)
            yield text

    def _take_episode(self, name: str) -> None:
        """Read a finished episode into the part of the data to which it belongs."""
        kind = self._store.meta(name).kind
        if kind == "evaluation":
            return
        part = self.offline if kind == "demonstration" else self.online
        windows = self._cut(name)
        if windows.weight == 0.0 and not self._store.held_out(name):
            self.remarks[name] = "never drawn, its weight is 0"
            return
        self._take(name, name, self.held_out if self._store.held_out(name) else part, windows)
        if windows.remark:
            self.remarks[name] = windows.remark
            self.complaints.append(f"episode {name}: {windows.remark}")

    def _take(self, name: str, episode_id: str, part: WindowDataset, windows: WindowSet) -> None:
        part.add(replace(windows, episode_id=name))
        if part is not self.held_out:
            self._corrections[name] = [
                Correction(episode_id, take_over, labels, windows.ended_s[take_over])
                for take_over, labels in windows.take_overs.items()
            ]

    def _forget(self, names: set[str]) -> None:
        """Take out what came from these episodes and excerpts."""
        if not names:
            return
        for dataset in (self.offline, self.online, self.held_out):
            dataset.remove(names)
        self._known -= names
        for name in names:
            for told in (self._corrections, self.left_out, self.remarks):
                told.pop(name, None)

    def digest(self) -> str:
        """Return a SHA-256 of all windows and their order, without the pixels."""
        digest = hashlib.sha256()
        for data in (self.offline, self.online, self.held_out):
            digest.update(repr(data.episode_ids).encode())
            for column in (data.state, data.actions, data.mask, data.idle):
                digest.update(column.contiguous().numpy().data)
        return digest.hexdigest()

    def held_out_batches(self, device: str) -> Sequence[Batch]:
        """Return all held-out windows, with images, each batch made when it is asked for."""
        return _HeldOut(self.held_out, device)


class _HeldOut(Sequence[Batch]):
    def __init__(self, held_out: WindowDataset, device: str) -> None:
        self._held_out, self._device = held_out, device
        self._rows = [rows for rows in torch.arange(len(held_out)).split(_HELD_OUT_BATCH) if len(rows)]

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[n] for n in range(len(self))[index]]
        return self._held_out.batch(self._rows[index]).to(self._device)
