"""How the picture of a camera moves from one to the next."""

import cv2
import numpy as np

_WIDTH = 96  # [pixel] of the small pictures: finer ones cost more and say the same
_SPACING_S = 0.06  # between two pictures: nearer ones differ by little more than noise


class ImageMotion:
    """Takes the pictures of one camera as they come; those that come too soon are passed over."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._stamps: list[float] = []
        self._motion: list[np.ndarray] = []

    def add(self, stamp_s: float, rgb: np.ndarray) -> None:
        """Compare a picture (H, W, 3) uint8 with the one before."""
        if self._stamps and stamp_s < self._stamps[-1] + _SPACING_S:
            return
        grey = _small_grey(rgb)
        known = self._before is not None and self._before.shape == grey.shape
        self._motion.append(_mean_flow(self._before, grey) if known else np.zeros(2))
        self._stamps.append(stamp_s)
        self._before = grey

    def __len__(self) -> int:
        return len(self._stamps)

    @property
    def stamps_s(self) -> np.ndarray:
        """Stamps (K,) of the pictures that were compared."""
        return np.array(self._stamps)

    @property
    def pixels(self) -> np.ndarray:
        """Mean motion (K, 2) of the picture since the one before [pixel]; the first row means nothing."""
        return np.array(self._motion).reshape(-1, 2)


def _small_grey(rgb: np.ndarray) -> np.ndarray:
    """Return a picture as grey (h, w) uint8, at most 96 pixels wide, with its proportions."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    if width <= _WIDTH:
        return grey
    return cv2.resize(grey, (_WIDTH, max(1, round(height * _WIDTH / width))), interpolation=cv2.INTER_AREA)


def _mean_flow(before: np.ndarray | None, after: np.ndarray) -> np.ndarray:
    """Return the mean of the dense optical flow (Farnebäck), x and y (2,) [pixel]."""
    # scale of a level, levels, window, iterations, polynomial's neighbourhood and its width, no flags
    flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.1, 0)  # type: ignore[call-overload]
    return np.asarray(flow.mean(axis=(0, 1)), dtype=float)
