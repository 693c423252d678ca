"""Episodes put into another store: checked, shared on the disk where it can do that, seen only when whole."""

import errno
import fcntl
import filecmp
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from drift_core.disk import flush_to_disk
from drift_core.episodes import EpisodeStore
from drift_core.episodes.check import damaged_file
from drift_core.errors import DataError

_FICLONE = 0x40049409  # ioctl of Linux: share the blocks of a file until one side writes
_DESCRIPTION = ".json"  # is rewritten by a relabelling, though in one rename: never linked
_NAMED = 5  # of the ids that are refused
_CANNOT_SHARE = (errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.EMLINK)


@dataclass(frozen=True)
class Origin:
    """An episode and the store that it lies in."""

    id: str
    store: EpisodeStore

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.store.root / self.id

    @property
    def files(self) -> list[Path]:
        """Its files, without what a relabelling that was killed has left."""
        return sorted(file for file in self.folder.iterdir() if not file.name.startswith("."))


class Incoming:
    """Episodes on their way into `store`: hidden beside the others until `show` renames them into place.

    Leaving the block without `show` deletes them. What a killed process left is deleted by the next one. Only
    with the claim on the store.
    """

    def __init__(self, store: EpisodeStore) -> None:
        self._store = store
        self._staged: list[str] = []

    def __enter__(self) -> "Incoming":
        for left in self._store.root.glob(".*.incoming"):
            shutil.rmtree(left)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for left in self._store.root.glob(".*.incoming"):
            shutil.rmtree(left)

    def add(self, origin: Origin) -> None:
        """Take the files of an episode; DataError for what is not a plain file."""
        place = self._place(origin.id)
        place.mkdir()
        for file in origin.files:
            if not stat.S_ISREG(file.lstat().st_mode):
                raise DataError(f"{file}: must be a plain file")
            share(file, place / file.name)
        flush_to_disk(place)
        self._staged.append(origin.id)

    def show(self) -> None:
        """Put all that was added into its place, one rename for each: a kill right here leaves whole ones."""
        for name in self._staged:
            os.rename(self._place(name), self._store.root / name)
        flush_to_disk(self._store.root)
        self._staged.clear()

    def _place(self, name: str) -> Path:
        return self._store.root / f".{name}.incoming"


def share(source: Path, target: Path) -> None:
    """Make `target` the same as `source` without taking room twice where the disk can, else copy it.

    First a reflink, then a hard link: the files of a finished episode are never written to again.
    """
    if source.suffix != _DESCRIPTION and (_reflink(source, target) or _link(source, target)):
        return
    shutil.copyfile(source, target)
    shutil.copystat(source, target)
    flush_to_disk(target)


def _reflink(source: Path, target: Path) -> bool:
    with source.open("rb") as reader, target.open("xb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError as error:
            target.unlink()
            if error.errno not in _CANNOT_SHARE:
                raise
            return False
    shutil.copystat(source, target)
    return True


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return False
    return True


def same_content(one: Origin, other: Origin) -> bool:
    """Return whether two episodes are the same, file by file and byte by byte."""
    names = [file.name for file in one.files]
    if names != [file.name for file in other.files]:
        return False
    pairs = [(one.folder / name, other.folder / name) for name in names]
    return all(os.path.samefile(*pair) or filecmp.cmp(*pair, shallow=False) for pair in pairs)


def refuse_mixture(origins: Sequence[Origin]) -> None:
    """Raise DataError unless all are of one robot, task, policy step and set of cameras, naming two."""
    first = None
    for origin in origins:
        meta = origin.store.meta(origin.id)
        if first is None:
            first = meta
        for what in ("robot", "task", "dt_s", "cameras"):
            here, there = (getattr(of, what) for of in (first, meta))
            if here != there:
                raise DataError(
                    f"episode {meta.id} in {origin.store.root} has {what}={_said(there)}, "
                    f"{first.id} has {_said(here)}: they do not fit; --mixed takes them all the same"
                )


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{camera.name} {camera.width}x{camera.height}" for camera in value) or "none"
    return str(value)


def _damage(origin: Origin) -> str:
    """Name the store of an episode, and what of the episode was damaged there."""
    damaged = damaged_file(origin.folder)
    return f"{origin.store.root} ({damaged}: drift data repair)" if damaged else str(origin.store.root)


def without_repeats(origins: Sequence[Origin], on_look: Callable[[], None] = lambda: None) -> list[Origin]:
    """Return each episode once; DataError names all ids that stand for different ones."""
    found: dict[str, Origin] = {}
    differing = []
    for origin in origins:
        before = found.setdefault(origin.id, origin)
        if before is not origin and not same_content(before, origin):
            differing.append(f"{origin.id} in {_damage(before)} and {_damage(origin)}")
        on_look()
    if differing:
        more = f"; and {len(differing) - _NAMED} more" * (len(differing) > _NAMED)
        raise DataError(f"the same id with different content: {'; '.join(differing[:_NAMED])}{more}")
    return list(found.values())
