"""What is trained on, in memory: demonstrations, interventions, and episodes held out of both."""

from collections.abc import Generator
from pathlib import Path

import torch
from drift_config.errors import DriftError

from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.data.windows import WindowSet
from drift_core.episodes import EpisodeStore
from drift_core.policy.batch import Batch

_HELD_OUT_BATCH = 256  # windows


class TrainingData:
    """The windows of a store. `update` reads only episodes that are new; evaluations are left out."""

    def __init__(self, store: EpisodeStore, cut: WindowCutter, returns: bool = False) -> None:
        """`returns`: batches carry the score of their episodes."""
        self._store, self._cut = store, cut
        self._known: set[str] = set()
        self.offline = WindowDataset(returns=returns)  # demonstrations
        self.online = WindowDataset(returns=returns)  # interventions
        self.held_out = WindowDataset(returns=returns)  # one in ten of either kind, never trained on
        self.left_out: dict[str, str] = {}  # episodes that cannot be trained on, with the reason
        self.remarks: dict[str, str] = {}  # what is lost of others
        self.complaints: list[str] = []  # both in words, in the order in which they were read

    @property
    def folder(self) -> Path:
        """Where the episodes lie."""
        return self._store.root

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

    def update(self) -> Generator[str, None, None]:
        """Take in what is new in the store; yields a text after each episode, and may be broken off there."""
        new = self._store.new_ids(self._known)
        added: dict[str, list[WindowSet]] = {"offline": [], "online": [], "held_out": []}
        try:
            for number, episode_id in enumerate(new, 1):
                text = f"read episode {number} of {len(new)}"
                try:
                    kind = self._store.meta(episode_id).kind
                    if kind != "evaluation":
                        part = "offline" if kind == "demonstration" else "online"
                        part = "held_out" if self._store.held_out(episode_id) else part
                        windows = self._cut(episode_id)
                        added[part].append(windows.trainable())
                        if windows.remark:
                            self.remarks[episode_id] = windows.remark
                            self.complaints.append(f"episode {episode_id}: {windows.remark}")
                except DriftError as error:
                    self.left_out[episode_id] = str(error)
                    text = f"episode {episode_id} cannot be trained on: {error}"
                    self.complaints.append(text)
                self._known.add(episode_id)
                yield text
        finally:
            for part, window_sets in added.items():
                getattr(self, part).extend(window_sets)

    def held_out_batches(self, device: str) -> list[Batch]:
        """Return all held-out windows, with images."""
        chunks = torch.arange(len(self.held_out)).split(_HELD_OUT_BATCH)
        return [self.held_out.batch(chunk).to(device) for chunk in chunks if len(chunk)]
