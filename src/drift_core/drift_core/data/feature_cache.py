"""The frames of some datasets as features, as long as the frozen encoder stays the same."""

from collections.abc import Callable

import torch
from torch import Tensor

from drift_core.data.dataset import WindowDataset
from drift_core.data.features import FeatureTable
from drift_core.policy.policy import DiffusionPolicy

Between = Callable[[int, int], None]  # told before each piece: frames that are encoded, of how many


class FeatureCache:
    """Each distinct moment is encoded once, in several views; each batch takes one view.

    View 0 shows the frames as they are, every further one shifts each frame at random.
    """

    def __init__(self, datasets: tuple[WindowDataset, ...]) -> None:
        self._datasets = datasets
        self._table = FeatureTable()
        self._encoder: dict[str, Tensor] = {}  # weights that made the features

    def forget(self) -> None:
        """Put images into the batches again."""
        self._encoder = {}
        for dataset in self._datasets:
            dataset.forget_features()

    def encode(self, policy: DiffusionPolicy, views: int, shift_px: int, seed: int, between: Between) -> None:
        """Encode what is new, or everything by a new encoder. `between` may raise to break off."""
        if policy.encoder is None:
            return
        weights = policy.encoder.state_dict()
        if not _equal(weights, self._encoder) or self._table.views != views:
            self._table = FeatureTable(views)
            self._encoder = {name: value.clone() for name, value in weights.items()}
        new = views * sum(dataset.unencoded(self._table) for dataset in self._datasets)
        done = 0

        def before(frames: int) -> None:
            nonlocal done
            between(done, new)
            done += frames

        generators = [torch.Generator().manual_seed(seed + number) for number in range(views)]
        encoders = [
            _Encode(policy, shift_px if number else 0, generator, before)
            for number, generator in enumerate(generators)
        ]
        for dataset in self._datasets:
            dataset.encode(self._table, encoders)
        self.choose(0)

    def choose(self, number: int) -> None:
        """Let the next batches show view `number`."""
        self._table.choose(number)


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
