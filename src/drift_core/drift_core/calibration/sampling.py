"""When to take a picture of the board: the arm stands still, and is somewhere new."""

from collections.abc import Iterable

import numpy as np

STILL_S = 0.7  # before the picture's stamp, and from then on: longer than a camera is late
STILL_RAD = 0.002
KEEP_S = 5.0  # of joint states are enough to tell: STILL_S, and as late as a picture may come
NEW_M = 0.04
NEW_DEG = 8.0


def is_still(joint_s: np.ndarray, joints_rad: np.ndarray, stamp_s: float) -> bool:
    """Whether joints (M, J), known at times (M,), have not moved since a while before `stamp_s`."""
    since = joint_s >= stamp_s - STILL_S
    if not since.any() or joint_s[0] > stamp_s - STILL_S:
        return False
    return bool(np.ptp(joints_rad[since], axis=0).max() <= STILL_RAD)


def is_new(hand: np.ndarray, taken: Iterable[np.ndarray]) -> bool:
    """Whether a pose (4, 4) of the hand is away from all that were taken."""
    for other in taken:
        cosine = (np.trace(other[:3, :3].T @ hand[:3, :3]) - 1.0) / 2.0
        near = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) < NEW_DEG
        if near and np.linalg.norm(hand[:3, 3] - other[:3, 3]) < NEW_M:
            return False
    return True
