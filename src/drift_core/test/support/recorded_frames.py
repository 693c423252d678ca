"""Images as a recorder would have them: what the tests of data share."""

import numpy as np
from drift_core.episodes.images import LOSSLESS
from drift_core.episodes.record import Frames


def recorded(images):
    """Frames of these images (K, H, W, 3)."""
    n = np.arange(len(images)) / 10.0
    return Frames(n, n, [LOSSLESS.encode(image) for image in images], ["png"] * len(images))
