"""Frames that show their number instead of their picture, so that windows are cut without decoding one."""

from dataclasses import replace

import numpy as np

from drift_core.episodes.record import Episode, Frames
from drift_core.observation.spec import ObservationSpec


class _Numbered(Frames):
    def image(self, index: int) -> np.ndarray:
        """Return one pixel (1, 1, 3) uint8: the number of the frame to base 256."""
        return np.frombuffer(index.to_bytes(3, "little"), np.uint8).reshape(1, 1, 3)


def numbered(episode: Episode) -> Episode:
    """Return `episode` with frames of one pixel, at most 2^24 of a camera."""
    frames: dict[str, Frames] = {
        name: _Numbered(recorded.stamp_s, recorded.arrival_s, recorded.encoded, recorded.encoding)
        for name, recorded in episode.frames.items()
    }
    return replace(episode, frames=frames)


def of_one_pixel(spec: ObservationSpec) -> ObservationSpec:
    """Return `spec` for numbered frames."""
    return replace(spec, cameras=tuple(replace(camera, height=1, width=1) for camera in spec.cameras))


def number(image: np.ndarray) -> int:
    """Return which frame a numbered one is."""
    return int.from_bytes(image.tobytes(), "little")
