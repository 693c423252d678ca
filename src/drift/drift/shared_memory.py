"""What Fast DDS keeps in /dev/shm, and what processes that were killed have left there.

Each process of ROS holds a segment `fastdds_<16 hexadecimal digits>` (`fastrtps_` before Fast DDS 3), and
beside it `…_el`, which it keeps locked (flock) for as long as it lives. A killed one leaves both for good.
The files of ports (`fastdds_port…`, 50 kB) stay: whoever gets that port next takes them over.
"""

import fcntl
import os
import re
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from drift.configuration import uses_fast_dds

FOLDER = Path("/dev/shm")
SEGMENT_BYTES = 17 * 1024**2  # of one process with config/dds/shared_memory.xml
_LOCK = re.compile(r"(fastdds|fastrtps)_[0-9a-f]{16}_el")
_AGE_MIN_S = 2.0  # a younger lock may belong to a process that has created it and is about to lock it


@dataclass(frozen=True)
class Removed:
    """What was left by dead processes, and is gone now."""

    segments: int
    size_bytes: int

    def __str__(self) -> str:
        return f"removed {self.segments} segments of dead processes, {self.size_bytes / 1024**2:.0f} MiB"


def prepare(processes: int, folder: Path = FOLDER) -> list[str]:
    """Make room for that many new processes, and return what there is to say about it, a line each."""
    removed = remove_dead(folder)
    said = [str(removed)] if removed.segments else []
    if not uses_fast_dds():
        return said
    if not folder.is_dir():
        return [*said, f"no {folder}: shared memory is off, images go over UDP"]
    free, needed = shutil.disk_usage(folder).free, processes * SEGMENT_BYTES
    if free < needed:
        said.append(
            f"{free / 1024**2:.0f} MiB free in {folder}, {processes} processes need {needed / 1024**2:.0f}: "
            "some will do without shared memory and may lose images; give it 1 GiB (docker run --shm-size=1g)"
        )
    return said


def remove_dead(folder: Path = FOLDER, now_s: float | None = None) -> Removed:
    """Remove each segment whose lock nobody holds and that belongs to this user, with its lock.

    A name alone proves nothing: segments of living processes, of other users and without a lock file stay.
    `now_s`: the time to compare the age of files with, by default time.time().
    """
    now_s = time.time() if now_s is None else now_s
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        names = []
    sizes = [_remove_if_dead(folder / name, now_s) for name in names if _LOCK.fullmatch(name)]
    gone = [size for size in sizes if size is not None]
    return Removed(len(gone), sum(gone))


def _remove_if_dead(lock: Path, now_s: float) -> int | None:
    """Return how many bytes became free; None if the segment stays."""
    segment = lock.with_name(lock.name.removesuffix("_el"))
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # ended meanwhile, or not for us to read
        return None
    try:
        if not _ours(os.fstat(descriptor)) or now_s - os.fstat(descriptor).st_mtime < _AGE_MIN_S:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until the descriptor is closed
        size = 0
        if os.path.lexists(segment):
            status = os.lstat(segment)
            if not _ours(status):
                return None
            size = status.st_blocks * 512
            os.unlink(segment)
        os.unlink(lock)
    except OSError:  # locked: its owner lives; or somebody else has just removed it
        return None
    finally:
        os.close(descriptor)
    return size


def _ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and stat.S_ISREG(status.st_mode)


def is_segment(path: str) -> bool:
    """Whether a file is a segment by its name."""
    return _LOCK.fullmatch(f"{Path(path).name}_el") is not None and Path(path).parent == FOLDER


def mapped() -> bool:
    """Whether this process has a segment of Fast DDS mapped: it sends through shared memory."""
    return any(is_segment(word) for word in Path("/proc/self/maps").read_text().split())
