"""A file of another machine brought over piece by piece; how it is asked for is passed in.

What has come stands in a `.part` file beside the target, so that a fetch goes on where it stopped, whoever
died meanwhile. Nothing is believed before its SHA-256 is right.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from drift_config.errors import DriftError

from drift_core.pieces import SHA256, Piece

PIECE_BYTES = 1 << 19  # a picture of 640x480 is about as much
_BAD_PIECES = 5  # in a row, with another digest than they say, are believed to stay so

AskPiece = Callable[[int, int], Piece]
"""Return a piece of one file by offset and length; NoAnswerError where none comes."""


class NoAnswerError(DriftError):
    """The other side has not answered; it may do so later."""


class NoRoomError(DriftError):
    """The disk here cannot take it."""


class MalformedError(DriftError):
    """An answer that cannot be one."""


class UnreadableError(DriftError):
    """The disk of the other side does not give it."""


class SpoiltError(DriftError):
    """What came is not what its SHA-256 says."""


class Pace:
    """Counts what comes, and waits for what comes too fast."""

    def __init__(
        self, limit_bytes_s: float = float("inf"), wait: Callable[[float], object] = time.sleep
    ) -> None:
        """`wait` is called after each piece with the seconds that it came too fast; it may raise."""
        self.size_bytes = 0
        self._limit_bytes_s, self._wait = limit_bytes_s, wait

    def came(self, size_bytes: int, began_s: float) -> None:
        """Take note of a piece that was asked for at the steady time `began_s`."""
        self.size_bytes += size_bytes
        self._wait(max(size_bytes / self._limit_bytes_s - (time.monotonic() - began_s), 0.0))


def refuse_no_room(folder: Path, name: str, size_bytes: int) -> None:
    """NoRoomError where a folder cannot take so many bytes more."""
    free = shutil.disk_usage(folder).free
    if size_bytes > free:
        raise NoRoomError(f"{name}: no room in {folder}: {free} bytes free of {size_bytes}")


def checked(ask: AskPiece, name: str, offset: int, length: int) -> Piece:
    """Return a piece whose data is what its digest says.

    MalformedError for one of another length, or without the digest of its file; SpoiltError.
    """
    for _ in range(_BAD_PIECES):
        piece = ask(offset, length)
        if len(piece.data) != length:
            raise MalformedError(f"{name}: truncated, {len(piece.data)} bytes came of {length} at {offset}")
        if not SHA256.fullmatch(piece.file_sha256):  # it becomes part of a file's name
            raise MalformedError(
                f"{name}: sha256={piece.file_sha256!r} of the whole file must be 64 of 0-9 and a-f"
            )
        if hashlib.sha256(piece.data).hexdigest() == piece.sha256:
            return piece
    raise SpoiltError(f"{name}: the {length} bytes at {offset} are not what their sha256={piece.sha256} says")


def fetch_file(
    ask: AskPiece,
    target: Path,
    whole: Piece,
    pace: Pace,
    on_progress: Callable[[int], None] = lambda here: None,
) -> None:
    """Put the file that `whole` describes into the place of `target`, in one rename.

    `on_progress` is told how many bytes are here. NoAnswerError, MalformedError, SpoiltError, NoRoomError,
    OSError; what has come is kept but for a whole one that is spoilt.
    """
    part = part_of(target, whole.file_sha256)
    # What was kept from before may be spoilt, by a power cut for one; what is fetched now is not.
    complete = any(_complete(ask, part, target.name, whole, pace, on_progress) for _ in range(2))
    if not complete:
        raise SpoiltError(
            f"{target.name}: what has come over is not what its sha256={whole.file_sha256} says"
        )
    os.replace(part, target)


def part_of(target: Path, sha256: str) -> Path:
    """Return where a file with that digest is gathered."""
    return target.with_name(f".{target.name}.{sha256}.part")


def _complete(
    ask: AskPiece, part: Path, name: str, whole: Piece, pace: Pace, on_progress: Callable[[int], None]
) -> bool:
    """Fetch what is missing in `part`; False, and it is deleted, if the whole is not right then."""
    with part.open("ab+") as file:
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256")
        here = file.tell()
        refuse_no_room(part.parent, name, whole.file_bytes - here)
        while here < whole.file_bytes:
            on_progress(here)
            began_s = time.monotonic()
            piece = checked(ask, name, here, min(PIECE_BYTES, whole.file_bytes - here))
            if piece.file_sha256 != whole.file_sha256:
                raise SpoiltError(f"{name}: became another file there while it was fetched")
            file.write(piece.data)
            sha256.update(piece.data)
            here += len(piece.data)
            pace.came(len(piece.data), began_s)
        file.flush()
        os.fsync(file.fileno())
    if sha256.hexdigest() == whole.file_sha256:
        return True
    part.unlink()
    return False
