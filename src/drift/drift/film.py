"""Films for people, from pictures: GIF, or MP4 (H.264) that browsers play."""

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from drift.errors import UserError

SUFFIXES = (".mp4", ".gif")
_MS = 1000  # a second
_GIF_CLOCK = Fraction(1, 100)  # a GIF counts hundredths of a second
_GIF_COLOURS = 128
GIF_WIDTH = 640  # at most [pixel]
_KEY = 50  # pictures from one that stands for itself to the next
_FILM_HZ = 10  # about as many pictures a second as there are, for the encoder to plan with


def check_film(path: Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """UserError for a file that no film can be written to."""
    if path.suffix not in suffixes or not path.resolve().parent.is_dir():
        raise UserError(f"video={path} must end in {', '.join(suffixes)} and lie in a folder that exists")


def write_film(path: Path, pictures: Sequence[np.ndarray], frame_ms: int) -> None:
    """Write pictures (H, W, 3) uint8 RGB, all of one size, `frame_ms` each; the ending of `path` says how."""
    with film_file(path) as film:
        for number, picture in enumerate(pictures):
            film.add(picture, number * frame_ms / _MS)
        film.last_until(len(pictures) * frame_ms / _MS)


def film_file(path: Path) -> "FilmFile":
    """Return a film to be written picture by picture; the ending of `path` says how."""
    return GifFile(path) if path.suffix == ".gif" else FilmFile(path)


class FilmFile:
    """An MP4 that is written while things happen; whole once it is closed, and playable up to a kill.

    Use it as a context manager: nothing is on the disk before the first picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: Any = None  # of PyAV, once there is a picture
        self._stream: Any = None
        self._last_ms = -1
        self._last: np.ndarray | None = None

    def __enter__(self) -> "FilmFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def begun(self) -> bool:
        """Whether there is a file."""
        return self._last is not None

    def add(self, picture: np.ndarray, at_s: float) -> None:
        """Show a picture (H, W, 3) uint8 RGB from `at_s` on, if that is later than the last."""
        at_ms = round(at_s * _MS)
        if at_ms <= self._last_ms:
            return
        self._last_ms, self._last = at_ms, picture
        self._encode(picture, at_ms)

    def last_until(self, at_s: float) -> None:
        """Show the last picture until then: a film ends where its last picture begins."""
        if self._last is not None and round(at_s * _MS) - 1 > self._last_ms:
            self.add(self._last, at_s - 1 / _MS)

    def close(self) -> None:
        """Write what the encoder still holds, and the end of the file."""
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()
            self._container = None

    def _encode(self, picture: np.ndarray, at_ms: int) -> None:
        import av

        height, width = (side // 2 * 2 for side in picture.shape[:2])  # colours are halved in H.264
        if self._container is None:
            # in fragments: what was written before a kill can be seen
            options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
            self._container = av.open(str(self._path), "w", options=options)
            # no picture is drawn from a later one: the first is at 0 s
            encoder = {"crf": "24", "g": str(_KEY), "preset": "veryfast", "bf": "0"}
            self._stream = self._container.add_stream("libx264", rate=_FILM_HZ, options=encoder)
            self._stream.codec_context.time_base = Fraction(1, _MS)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.thread_count = 1  # of two cores one is the robot's
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        frame.pts, frame.time_base = at_ms, Fraction(1, _MS)
        self._container.mux(self._stream.encode(frame))


class GifFile(FilmFile):
    """A GIF, at most GIF_WIDTH wide, written when it is closed.

    One palette for all pictures, no dithering, and of each only what has changed: a tenth of the usual size.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._pictures: list[tuple[int, np.ndarray]] = []  # times [ms], in their order

    def close(self) -> None:
        """Write the file, if there is a picture."""
        if self._pictures:
            pictures, self._pictures = self._pictures, []
            _write_gif(self._path, pictures)

    def _encode(self, picture: np.ndarray, at_ms: int) -> None:
        height, width = picture.shape[:2]
        if width > GIF_WIDTH:
            size = GIF_WIDTH, round(height * GIF_WIDTH / width)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        self._pictures.append((at_ms, picture))


def _write_gif(path: Path, pictures: Sequence[tuple[int, np.ndarray]]) -> None:
    import av
    from av.error import BlockingIOError, EOFError

    height, width = pictures[0][1].shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=_GIF_CLOCK
    )
    split, palette = graph.add("split"), graph.add("palettegen", f"max_colors={_GIF_COLOURS}")
    painted, sink = graph.add("paletteuse", "dither=none:diff_mode=rectangle"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette)
    split.link_to(painted, 1, 0)
    palette.link_to(painted, 0, 1)
    painted.link_to(sink)
    graph.configure()
    with av.open(str(path), "w", format="gif") as container:
        stream: Any = container.add_stream("gif", rate=_FILM_HZ)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.codec_context.time_base = _GIF_CLOCK
        for at_ms, picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(at_ms * _GIF_CLOCK.denominator / _MS), _GIF_CLOCK
            source.push(frame)
        source.push(None)
        with suppress(EOFError, BlockingIOError):
            while True:
                container.mux(stream.encode(sink.pull()))
        container.mux(stream.encode())
