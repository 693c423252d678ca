"""Film strips: what the cameras saw during an episode, with the driver as the colour of the frame."""

import cv2
import numpy as np
from drift_core.episodes import Episode, StepSource

from drift.driver_colours import rgb

NOTHING = -1  # in place of a frame: a white picture
_PICTURES = 10  # in a strip
_PIXELS = 96  # height of a picture in a strip
_BORDER = 5


def strip(episode: Episode) -> np.ndarray:
    """Return one row of pictures per camera, evenly spaced in time: (H, W, 3) uint8 RGB."""
    rows = []
    for camera, frames in episode.frames.items():
        if len(frames):
            chosen = np.linspace(0, len(frames) - 1, min(_PICTURES, len(frames))).astype(int)
            rows.append(camera_row(episode, camera, chosen))
    width = max((row.shape[1] for row in rows), default=1)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.vstack(padded) if padded else np.full((1, 1, 3), 255, np.uint8)


def camera_row(episode: Episode, camera: str, chosen: np.ndarray) -> np.ndarray:
    """Return the frames `chosen` (N,), or NOTHING, of a camera side by side: (H, W, 3) uint8 RGB.

    DataError names a frame that cannot be decoded.
    """
    frames = episode.frames[camera]
    pictures: list[np.ndarray] = []
    (spec,) = (spec for spec in episode.meta.cameras if spec.name == camera)
    blank = np.full((_PIXELS + 2 * _BORDER, _width(spec.height, spec.width) + 2 * _BORDER, 3), 255, np.uint8)
    for index in chosen:
        if index == NOTHING:
            pictures.append(blank)
            continue
        image = frames.image(int(index))
        size = _width(*image.shape[:2]), _PIXELS
        resized = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
        colour = rgb(driver(episode, frames.stamp_s[index]))
        pictures.append(
            cv2.copyMakeBorder(resized, *(_BORDER,) * 4, cv2.BORDER_CONSTANT, value=colour)  # type: ignore[call-overload]
        )
    return np.hstack(pictures)


def _width(height: int, width: int) -> int:
    return max(1, round(_PIXELS * width / height))


def driver(episode: Episode, stamp_s: float) -> StepSource:
    """Return who drove the last control step at or before `stamp_s` (ROS time)."""
    index = int(np.searchsorted(episode.steps.stamp_s, stamp_s, side="right")) - 1
    return StepSource(int(episode.steps.source[index])) if index >= 0 else StepSource.HOLD
