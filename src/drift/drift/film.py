"""Films for people, from pictures: GIF, or MP4 (H.264)."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

SUFFIXES = (".mp4", ".gif")


def write_film(path: Path, pictures: Sequence[np.ndarray], frame_ms: int) -> None:
    """Write pictures (H, W, 3) uint8 RGB, all of one size, `frame_ms` each; the ending of `path` says how."""
    if path.suffix == ".gif":
        animation = cv2.Animation()
        animation.frames = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in pictures]
        animation.durations = [frame_ms] * len(pictures)
        cv2.imwriteanimation(str(path), animation)
    else:
        _write_mp4(path, pictures, frame_ms)


def _write_mp4(path: Path, pictures: Sequence[np.ndarray], frame_ms: int) -> None:
    import av

    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])  # colours are halved in H.264
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(1000 / frame_ms))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
