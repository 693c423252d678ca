"""Take files out of memory, so that the next reader has to go to the disk; no package is needed."""

import ctypes
import os
from pathlib import Path

_MADV_DONTNEED = 4


def forget(*folders: Path) -> None:
    """Drop all pages of the files below `folders`, also those that this process has mapped."""
    os.sync()  # only clean pages are dropped
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    roots = [str(folder.resolve()) for folder in folders]
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        span, *_, name = line.split(maxsplit=5)
        if any(name.startswith(root) for root in roots):
            begin, end = (int(part, 16) for part in span.split("-"))
            if libc.madvise(begin, end - begin, _MADV_DONTNEED):
                raise OSError(ctypes.get_errno(), f"madvise of {name}")
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
