"""Ways of the TCP drawn into a picture."""

import cv2
import numpy as np

from drift.picture.path import PlannedPath
from drift.picture.view import View

_SHIFT = 4  # of fixed-point coordinates: sixteenths of a pixel
_EDGE = (255, 255, 255)  # around what is still to come, to stand out from any background
_OPEN_M = 0.05  # a hand that shall be open by more is drawn as a ring, else as a dot
_MARGIN = 4  # sizes of the picture beyond which nothing is drawn
Colour = tuple[int, int, int]


def draw_line(picture: np.ndarray, view: View, points_m: np.ndarray, colour: Colour, width: int = 2) -> None:
    """Draw a way (N, 3) [m] into a picture (H, W, 3) uint8 RGB."""
    for run in _runs(view.pixels(points_m), picture):
        _line(picture, run, colour, width)


def draw_plan(picture: np.ndarray, view: View, path: PlannedPath, colour: Colour, now_s: float) -> None:
    """Draw what is left of a plan at `now_s`: a line, and marks, rings where the hand shall be open."""
    left = path.left(now_s)
    pixels = view.pixels(path.points_m[left])
    for width, shade in ((5, _EDGE), (3, colour)):
        for run in _runs(pixels, picture):
            _line(picture, run, shade, width)
    for pixel, opening_m in zip(pixels, path.opening_m[left], strict=True):
        if not _inside(pixel, picture):
            continue
        at = tuple(np.round(pixel * 2**_SHIFT).astype(int).tolist())
        filling = _EDGE if opening_m > _OPEN_M else colour
        cv2.circle(picture, at, 4 * 2**_SHIFT, filling, cv2.FILLED, cv2.LINE_AA, _SHIFT)
        cv2.circle(picture, at, 4 * 2**_SHIFT, colour, 2, cv2.LINE_AA, _SHIFT)


def _line(picture: np.ndarray, pixels: np.ndarray, colour: Colour, width: int) -> None:
    fixed = np.round(pixels * 2**_SHIFT).astype(np.int32)
    cv2.polylines(picture, [fixed[:, None]], False, colour, width, cv2.LINE_AA, _SHIFT)


def _inside(pixel: np.ndarray, picture: np.ndarray) -> bool:
    height, width = picture.shape[:2]
    around = np.array((width, height)) * _MARGIN
    return bool(np.isfinite(pixel).all() and (np.abs(pixel) < around).all())


def _runs(pixels: np.ndarray, picture: np.ndarray) -> list[np.ndarray]:
    """Return what of a line (N, 2) can be drawn, in one piece or several."""
    good = np.array([_inside(pixel, picture) for pixel in pixels], dtype=bool)
    ends = np.flatnonzero(np.diff(np.concatenate(([False], good, [False]))))
    return [pixels[begin:end] for begin, end in ends.reshape(-1, 2) if end - begin > 1]
