"""What is trained on, in memory: demonstrations, interventions, and episodes held out of both."""

from collections.abc import Callable, Generator
from pathlib import Path

import torch
from drift_config.errors import DriftError
from torch import Tensor

from drift_core.data.cutter import WindowCutter
from drift_core.data.dataset import WindowDataset
from drift_core.data.windows import WindowSet
from drift_core.episodes import EpisodeStore
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy

_HELD_OUT_BATCH = 256  # windows
Between = Callable[[int, int], None]  # told before each piece: frames that are encoded, of how many


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


class FeatureCache:
    """Frames of some datasets, encoded once by a frozen encoder, in several views; each batch takes one view.

    View 0 shows the frames as they are, every further one shifts each frame at random.
    """

    def __init__(self, datasets: tuple[WindowDataset, ...]) -> None:
        self._datasets = datasets
        self._views: list[list[Tensor | None]] = []  # by view, by dataset
        self._encoder: dict[str, Tensor] = {}  # weights that made the features

    def forget(self) -> None:
        """Put images into the batches again."""
        self._views = []
        for dataset in self._datasets:
            dataset.forget_features()

    def encode(self, policy: DiffusionPolicy, views: int, shift_px: int, seed: int, between: Between) -> None:
        """Encode what is new, or everything by a new encoder. `between` may raise to break off."""
        if policy.encoder is None:
            return
        weights = policy.encoder.state_dict()
        if not _equal(weights, self._encoder) or len(self._views) != views:
            self._views = [[None] * len(self._datasets) for _ in range(views)]
            self._encoder = {name: value.clone() for name, value in weights.items()}
        new = [
            dataset.n_frames - (0 if features is None else len(features))
            for view in self._views
            for dataset, features in zip(self._datasets, view, strict=True)
        ]
        done = 0

        def before(frames: int) -> None:
            nonlocal done
            between(done, sum(new))
            done += frames

        for number, view in enumerate(self._views):
            generator = torch.Generator().manual_seed(seed + number)
            encode = _Encode(policy, shift_px if number else 0, generator, before)
            for index, dataset in enumerate(self._datasets):
                dataset.features = view[index]
                dataset.encode(encode)
                view[index] = dataset.features
        self.choose(0)

    def choose(self, number: int) -> None:
        """Let the next batches show view `number`."""
        for dataset, features in zip(self._datasets, self._views[number], strict=True):
            dataset.features = features


class _Encode:
    """Frames to features, on the policy's device."""

    def __init__(
        self,
        policy: DiffusionPolicy,
        shift_px: int,
        generator: torch.Generator,
        before: Callable[[int], None],
    ) -> None:
        self._policy, self._shift_px, self._generator, self._before = policy, shift_px, generator, before

    def __call__(self, images: dict[str, Tensor]) -> Tensor:
        self._before(len(next(iter(images.values()))))
        on_device = {camera: frames.to(self._policy.device) for camera, frames in images.items()}
        return self._policy.encode_frames(on_device, self._shift_px, self._generator).cpu()


def _equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
