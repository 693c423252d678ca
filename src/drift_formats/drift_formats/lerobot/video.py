"""Pictures as video of a fixed rate, one file after the other, and back."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from drift_core.errors import DataError

from drift_formats.lerobot import layout
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.scheduling import as_scheduled

_MB = 1 << 20


@dataclass(frozen=True)
class Coding:
    """How pictures are coded."""

    encoder: Literal["libsvtav1", "libx264"]
    pixels: Literal["yuv420p", "yuv444p"]
    crf: int  # lower is better and larger
    keyframe_every: int

    @property
    def options(self) -> dict[str, str]:
        """What FFmpeg's encoder is told, by LeRobot's rules."""
        options = {"g": str(self.keyframe_every), "crf": str(self.crf)}
        if self.encoder == "libsvtav1":
            options |= {"preset": "12", "svtav1-params": "fast-decode=0"}
        return options

    def description(self, feature: Feature, fps: int) -> dict[str, Any]:
        """Return what info.json says of such a video."""
        svt = self.encoder == "libsvtav1"
        return {
            "video.height": feature.shape[0],
            "video.width": feature.shape[1],
            "video.codec": "av1" if svt else "h264",
            "video.pix_fmt": self.pixels,
            "video.fps": fps,
            "video.channels": 3,
            "has_audio": False,
            "video.g": self.keyframe_every,
            "video.crf": self.crf,
            "video.preset": 12 if svt else None,
            "video.fast_decode": 0,
            "video.video_backend": "pyav",
            "video.extra_options": {},
            "is_depth_map": False,
        }


@dataclass(frozen=True)
class Place:
    """Where the pictures of an episode are."""

    chunk_index: int
    file_index: int
    from_s: float  # time of its first picture in the file
    to_s: float


class VideoWriter:
    """The videos of one camera: episode after episode in one file, until that is large enough."""

    def __init__(self, folder: Path, feature: Feature, fps: int, coding: Coding) -> None:
        height, width = feature.shape[:2]
        if coding.pixels == "yuv420p" and (height % 2 or width % 2):
            raise DataError(
                f"{feature.name}: pictures of {width}x{height} must have even sides to be {coding.pixels}; "
                "use cameras: images, or codec: h264_444"
            )
        self._folder, self._key, self._fps = folder, feature.name, fps
        self._height, self._width, self._coding = height, width, coding
        self._file = -1
        self._output: Any = None
        self._pictures = self._bytes = 0  # in the present file
        self._first = 0  # of the present episode

    def begin_episode(self) -> None:
        """Say that an episode begins."""
        if self._output is None or self._bytes >= layout.VIDEO_FILE_MB * _MB:
            self._next_file()
        self._first = self._pictures

    def add(self, picture: np.ndarray) -> None:
        """Take a picture (H, W, 3) uint8 RGB."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._pictures, Fraction(1, self._fps)
        self._pictures += 1
        self._mux(self._stream.encode(frame))

    def end_episode(self) -> Place:
        """Return where its pictures are."""
        chunk, file = divmod(self._file, layout.FILES_PER_CHUNK)
        return Place(chunk, file, self._first / self._fps, self._pictures / self._fps)

    def close(self) -> None:
        """Finish the file."""
        if self._output is not None:
            self._mux(self._stream.encode(None))
            self._output.close()
            self._output = None

    def _next_file(self) -> None:
        self.close()
        self._file += 1
        chunk, file = divmod(self._file, layout.FILES_PER_CHUNK)
        place = layout.VIDEO_PATH.format(video_key=self._key, chunk_index=chunk, file_index=file)
        path = self._folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("SVT_LOG", "1")  # the AV1 coder tells its settings on stderr, once per camera
        self._output = av.open(str(path), "w", options={"movflags": "faststart"})
        self._stream = self._output.add_stream(self._coding.encoder, self._fps, options=self._coding.options)
        self._stream.pix_fmt = self._coding.pixels
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.thread_count = 1
        with as_scheduled():
            self._stream.codec_context.open()
        self._pictures = self._bytes = 0

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            self._bytes += packet.size
            self._output.mux(packet)


def read_pictures(path: Path, from_s: float, fps: float, count: int) -> Iterator[np.ndarray]:
    """Yield `count` pictures (H, W, 3) uint8 RGB at `from_s + i / fps`; DataError where there are fewer."""
    due = 0
    try:
        with av.open(str(path)) as video:
            stream = video.streams.video[0]
            if stream.time_base is None:
                raise DataError(f"{path}: its stream has no time base")
            video.seek(max(round(from_s / stream.time_base) - 1, 0), stream=stream)
            for frame in video.decode(stream):
                if frame.pts is None:
                    continue
                at = round((float(frame.pts * stream.time_base) - from_s) * fps)
                if at < due:
                    continue
                if at > due:
                    raise DataError(f"{path}: has no picture at {from_s + due / fps:g} s")
                yield frame.to_ndarray(format="rgb24")
                due += 1
                if due == count:
                    return
    except (av.FFmpegError, IndexError, OSError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    raise DataError(f"{path}: ends at picture {due} of {count} from {from_s:g} s on")
