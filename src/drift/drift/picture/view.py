"""Where points in front of a robot are seen in a picture."""

from dataclasses import dataclass

import numpy as np
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.observation.fit import kept

_NEAREST_M = 0.02  # what is nearer to the lens, or behind it, is not seen


@dataclass(frozen=True, eq=False)
class View:
    """A camera at one moment."""

    intrinsics: Intrinsics
    optical: np.ndarray  # (4, 4) pose of its optical frame (x right, y down, z forward) in the base frame

    def pixels(self, points_m: np.ndarray) -> np.ndarray:
        """Return where points (N, 3) [m] of the base frame are seen: x, y (N, 2) [pixel]; NaN: nowhere."""
        base = np.linalg.inv(self.optical)
        seen = np.full((len(points_m), 2), np.nan)
        before = (points_m @ base[2, :3] + base[2, 3]) > _NEAREST_M
        if before.any():
            seen[before] = self.intrinsics.project(points_m[before].astype(float), base)
        return seen


def fitted(intrinsics: Intrinsics, height: int, width: int) -> Intrinsics:
    """Return how the camera projects into its pictures once `fit` has made them (height, width)."""
    top, left, rows, columns = kept(intrinsics.height, intrinsics.width, height, width)
    across, down = width / columns, height / rows
    matrix = intrinsics.matrix.copy()
    matrix[0] *= across
    matrix[1] *= down
    # (0, 0) is the middle of the first pixel, before and after
    matrix[0, 2] = (intrinsics.matrix[0, 2] - left + 0.5) * across - 0.5
    matrix[1, 2] = (intrinsics.matrix[1, 2] - top + 0.5) * down - 0.5
    return Intrinsics(width, height, matrix, intrinsics.distortion, intrinsics.model)
