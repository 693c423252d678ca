"""The folder that an open episode is written into. Its open files can be written on when it is lost: nobody
would notice before the end, when they cannot be finished."""

import errno
import os
from pathlib import Path


class Place:
    """A folder, to be looked at again and again while it is written into."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._identity = folder, _identity(folder)

    def check(self) -> None:
        """Raise OSError where the folder was taken away, or it or the one above may not be written to."""
        if _identity(self._folder) != self._identity:
            raise OSError(errno.ENOENT, "another folder has taken its place", str(self._folder))
        for folder in (self._folder, self._folder.parent):
            if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
                number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
                raise OSError(number, os.strerror(number), str(folder))


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
