"""Files of an episode on a disk that may become full: what was recorded until then can still be finished."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

_write = os.write  # a disk that is slow, or refuses, is put here


class Reserve:
    """Room on the disk that is kept free for finishing an episode, as a file of that size."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        """Take the room; OSError when there is less."""
        self._path = path
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            os.posix_fallocate(descriptor, 0, size_bytes)
        except OSError as error:
            room = f"{size_bytes >> 20} MiB must be free to record an episode"
            raise OSError(error.errno, f"{error.strerror}: {room}", str(path.parent)) from error
        finally:
            os.close(descriptor)

    def give_up(self) -> bool:
        """Free the room; False if that was done before."""
        if not self._path.exists():
            return False
        self._path.unlink()
        return True


class Sink(io.RawIOBase):
    """A new file that asks for room once when the disk is full, and from `discard` on takes nothing."""

    def __init__(self, path: Path, make_room: Callable[[OSError], bool]) -> None:
        """`make_room` is told what went wrong, and says whether it is worth another try."""
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        self._path, self._make_room = path, make_room
        self._size = 0
        self._digest = hashlib.sha256()
        self._discards = False

    @property
    def sha256(self) -> str:
        """The digest of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: "io.ReadableBuffer") -> int:  # type: ignore[name-defined]
        """Write all of `data`; OSError when there is no room for it."""
        left = memoryview(data).cast("B")
        size = len(left)
        while len(left) and not self._discards:
            try:
                written = _write(self._descriptor, left)
            except OSError as error:
                if not self._make_room(error):
                    raise OSError(error.errno, error.strerror, str(self._path)) from error
                continue
            self._digest.update(left[:written])
            left = left[written:]
        self._size += size
        return size

    def discard(self) -> None:
        """Take what is still written to the file for written."""
        self._discards = True

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
