"""What the encoder makes of camera frames, each encoded once: when it arrives, or when it is first needed."""

import hashlib
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from drift_core.policy.policy import DiffusionPolicy

_KEPT = 256  # frames of each camera, as many as wait for an observation


class FrameFeatures:
    """Features by one policy of the newest frames, known by what they show; any thread may ask for them.

    A frame is encoded by itself, so that its features do not depend, to the last bit, on when that is.
    """

    def __init__(self, policy: DiffusionPolicy) -> None:
        self._policy = policy
        self._kept: dict[str, dict[bytes, Tensor]] = {}  # by camera and digest, oldest first
        self._encoding = Lock()

    @torch.no_grad()
    def of(self, camera: str, image: np.ndarray) -> Tensor:
        """Return the features (D,) of an `image` (H, W, 3) uint8 of `camera`, encoded if it is new."""
        digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        known = self._kept.setdefault(camera, {})
        features = known.get(digest)
        if features is not None:
            return features
        with self._encoding:
            features = known.get(digest)  # somebody else may have been about it
            if features is None:
                features = self._policy.encode_frame(camera, image)
                if features.isfinite().all():
                    known[digest] = features
                while len(known) > _KEPT:
                    del known[next(iter(known))]
        return features
