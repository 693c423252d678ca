"""Pictures that cannot be true though they come in time: black ones, and one repeated while the arm moves."""

from dataclasses import dataclass

import numpy as np


@dataclass
class _Shown:
    """The picture that a camera shows at present."""

    image: np.ndarray  # (H, W, 3) uint8
    since_s: float  # steady time of its first arrival
    positions_rad: np.ndarray | None  # (J,) of the arm then
    moved_rad: float = 0.0  # by which a joint has been away from there since


class CameraWatch:
    """Compare each picture with the one before of the same camera, and with the arm."""

    def __init__(self, repeat_s: float, repeat_rad: float, contrast_min: float) -> None:
        self._repeat_s, self._repeat_rad, self._contrast_min = repeat_s, repeat_rad, contrast_min
        self._shown: dict[str, _Shown] = {}  # by camera
        self._positions_rad: np.ndarray | None = None

    def take_joints(self, positions_rad: np.ndarray) -> None:
        """Take note of where the arm is, (J,)."""
        self._positions_rad = positions_rad
        for shown in self._shown.values():
            if shown.positions_rad is None:
                shown.positions_rad = positions_rad
            moved_rad = float(np.abs(positions_rad - shown.positions_rad).max())
            shown.moved_rad = max(shown.moved_rad, moved_rad)

    def objection(self, camera: str, image: np.ndarray, arrival_s: float) -> str:
        """Return why a picture (H, W, 3) cannot be believed; empty if it can.

        The noise of a real sensor makes no two pictures alike. In simulation they are while nothing moves.
        """
        shown = self._shown.get(camera)
        if shown is None or not np.array_equal(image, shown.image):
            self._shown[camera] = shown = _Shown(image, arrival_s, self._positions_rad)
        same_s = arrival_s - shown.since_s
        if same_s > self._repeat_s and shown.moved_rad > self._repeat_rad:
            return f"the same picture for {same_s:.1f} s, while a joint moved by {shown.moved_rad:.2f} rad"
        contrast = float(image.std(axis=(0, 1)).max(initial=0.0))  # of the strongest colour
        if contrast < self._contrast_min:
            return (
                f"a picture without contrast: {contrast:.1f} of 255 grey levels, mean {image.mean():.0f}; "
                f"allowed: {self._contrast_min} or more"
            )
        return ""
