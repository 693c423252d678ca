"""A picture or film of two recorded attempts, side by side."""

from pathlib import Path

import cv2
import numpy as np
from drift_core.episodes import Episode

from drift.film import write_film
from drift.filmstrip import NOTHING, camera_row

FRAME_MS = 100
_PICTURES = 10  # in a row
_LETTER_PX = 24  # of the margin at the left, in which A or B stands
_SAME_S = 1e-6
_HIGH = 240  # pixels of a picture in a film


def draw_pair(a: Episode, b: Episode, file: Path) -> None:
    """Write one picture: a row for each camera, A above B, at the same times since the start."""
    length_s = max(_length_s(a), _length_s(b))
    rows = [
        _lettered(camera_row(episode, camera, _nearest(frames.stamp_s, episode, length_s)), letter)
        for letter, episode in (("A", a), ("B", b))
        for camera, frames in episode.frames.items()
        if len(frames)
    ]
    width = max((row.shape[1] for row in rows), default=_LETTER_PX)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    picture = np.vstack(padded) if padded else np.full((_LETTER_PX, width, 3), 255, np.uint8)
    cv2.imwrite(str(file), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def film_pair(a: Episode, b: Episode, file: Path) -> None:
    """Write a film of the first camera, A left of B; the shorter one stands still at its end."""
    count = max(1, round(max(_length_s(a), _length_s(b)) * 1000 / FRAME_MS))
    pictures = []
    for number in range(count):
        sides = [_side(episode, letter, number) for letter, episode in (("A", a), ("B", b))]
        pictures.append(np.hstack(sides))
    write_film(file, pictures, FRAME_MS)


def _side(episode: Episode, letter: str, number: int) -> np.ndarray:
    frames = next(iter(episode.frames.values()), None)
    if frames is None or not len(frames):
        return _lettered(np.full((_HIGH, _HIGH, 3), 255, np.uint8), letter)
    since_s = number * FRAME_MS / 1000
    at = int(np.searchsorted(frames.stamp_s, _begin_s(episode) + since_s, side="right")) - 1
    image = frames.image(max(at, 0))
    width = max(1, round(_HIGH * image.shape[1] / image.shape[0]))
    return _lettered(cv2.resize(image, (width, _HIGH), interpolation=cv2.INTER_NEAREST), letter)


def _lettered(row: np.ndarray, letter: str) -> np.ndarray:
    margin = np.full((row.shape[0], _LETTER_PX, 3), 255, np.uint8)
    at = (4, row.shape[0] // 2 + 8)
    cv2.putText(margin, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2, cv2.LINE_AA)
    return np.hstack([margin, row])


def _nearest(stamp_s: np.ndarray, episode: Episode, length_s: float) -> np.ndarray:
    """Return the frame nearest to each of the evenly spaced times; NOTHING behind the end."""
    since_s = np.linspace(0.0, length_s, _PICTURES)
    nearest = np.abs(stamp_s[None] - (_begin_s(episode) + since_s)[:, None]).argmin(axis=1)
    return np.where(since_s > _length_s(episode) + _SAME_S, NOTHING, nearest)


def _begin_s(episode: Episode) -> float:
    return float(episode.steps.stamp_s[0]) if len(episode.steps) else episode.meta.started_s


def _length_s(episode: Episode) -> float:
    return max(episode.meta.duration_s, FRAME_MS / 1000)
