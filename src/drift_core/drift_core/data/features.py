"""Frames encoded once by a frozen encoder, known by what they show."""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from drift_core.data.rows import Rows

Encode = Callable[[dict[str, Tensor]], Tensor]  # images by camera (F, 3, H, W) uint8 -> features (F, D)


class FeatureTable:
    """Features of moments in several views; a moment that was encoded before, wherever, is only looked up."""

    def __init__(self, views: int = 1) -> None:
        self._row_of: dict[bytes, int] = {}  # by the digest of a moment's frames
        self._views = [Rows(torch.zeros(0, 0)) for _ in range(views)]  # each (M, D)
        self._shown = 0

    @property
    def views(self) -> int:
        """How many features each moment has."""
        return len(self._views)

    def choose(self, number: int) -> None:
        """Let `features` show view `number`."""
        self._shown = number

    def features(self, rows: Tensor) -> Tensor:
        """Return the features (F, D) of `rows` (F,) in the view that is shown."""
        return self._views[self._shown].data.index_select(0, rows)

    def rows(self, images: dict[str, Tensor], encoders: Sequence[Encode]) -> Tensor:
        """Return the rows (F,) of moments, row f of all cameras; `encoders`, one a view, make new ones."""
        keys = _digests(images)
        new: dict[bytes, int] = {}  # with the first moment that shows it
        for moment, key in enumerate(keys):
            if key not in self._row_of:
                new.setdefault(key, moment)
        if new:
            chosen = torch.tensor(list(new.values()))
            pictures = images
            if len(new) < len(keys):
                pictures = {camera: frames.index_select(0, chosen) for camera, frames in images.items()}
            with torch.no_grad():
                encoded = [encode(pictures) for encode in encoders]
            known = len(self._row_of)
            for view, features in zip(self._views, encoded, strict=True):
                view.append([features])
            self._row_of |= {key: known + n for n, key in enumerate(new)}
        return torch.tensor([self._row_of[key] for key in keys], dtype=torch.long)


def _digests(images: dict[str, Tensor]) -> list[bytes]:
    """Return what tells the moments of `images` apart, row by row of all cameras."""
    names = sorted(images)
    moments = zip(*(images[name].contiguous().numpy() for name in names), strict=True)
    keys = []
    for frames in moments:
        digest = hashlib.blake2b(digest_size=16)
        for frame in frames:
            digest.update(frame.data)
        keys.append(digest.digest())
    return keys
