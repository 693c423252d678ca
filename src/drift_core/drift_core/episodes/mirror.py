"""A store that follows another one, on a mounted disk of the robot's machine, for one.

A finished episode never changes, but for its description; so it is copied file by file into `.<id>.part` and
renamed when it is whole: whoever trains here sees all of it or nothing. Corrections of open episodes come
too, and count as they do there: while `.<id>.part` says that their episode is open. What has come is kept,
whatever breaks off; a file that was broken off is begun anew.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.episodes.excerpts import CORRECTIONS, Excerpts
from drift_core.episodes.files import META_FILE, part_folder
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError

_PIECE_BYTES = 1 << 20


@dataclass
class Synced:
    """What one look at the source has brought."""

    episodes: int = 0
    corrections: int = 0
    relabelled: int = 0
    size_bytes: int = 0


class Mirror:
    """Bring what `source` has and `target` lacks; nothing that is finished is ever deleted here."""

    def __init__(
        self,
        source: EpisodeStore,
        target: EpisodeStore,
        limit_bytes_s: float = float("inf"),
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`wait` is called between pieces with the seconds that they came too fast; it may raise to break
        off."""
        self._source, self._target = source, target
        self._limit_bytes_s, self._wait = limit_bytes_s, wait

    def sync(self, on_text: Callable[[str], None] = lambda text: None) -> Synced:
        """Look once, and return what has come; only with the claim on the target.

        DataError where the source is no folder, or holds what is no file; OSError where it cannot be read any
        more, or the target not written.
        """
        if not self._source.root.is_dir():
            raise DataError(f"{self._source.root} is no folder, or not mounted")
        done = Synced()
        open_ids = self._source.open_ids()  # before the finished ones: one that ends meanwhile is in both
        finished, here = self._source.ids(), set(self._target.ids())
        for name in open_ids:
            if name not in here:
                part_folder(self._target.root, name).mkdir(exist_ok=True)
        done.corrections = self._corrections(done)
        new = [name for name in finished if name not in here]
        for number, name in enumerate(new, 1):
            on_text(f"episode {number} of {len(new)}: {name}")
            done.episodes += self._copy(self._source.root / name, self._target.root, done)
        for name in here.intersection(finished):
            done.relabelled += self._relabel(name)
        for name in set(self._target.open_ids()).difference(open_ids, self._source.open_ids()):
            shutil.rmtree(part_folder(self._target.root, name))  # dropped there, or broken off
        Excerpts(self._target).clean()
        return done

    def _corrections(self, done: Synced) -> int:
        """Bring the excerpts of open episodes; return how many."""
        excerpts, here = Excerpts(self._source), Excerpts(self._target)
        new = sorted(set(excerpts.ids()).difference(here.store.ids()))
        if new:
            here.root.mkdir(exist_ok=True)
        return sum(self._copy(self._source.root / CORRECTIONS / name, here.root, done) for name in new)

    def _copy(self, folder: Path, root: Path, done: Synced) -> bool:
        """Bring one episode; False where it is gone meanwhile."""
        part = part_folder(root, folder.name)
        part.mkdir(exist_ok=True)
        try:
            files = _files(folder)
            for path in files:
                self._copy_file(path, part / path.name, done)
        except FileNotFoundError:
            if folder.exists():
                raise
            shutil.rmtree(part)
            return False
        for other in set(part.iterdir()).difference(part / path.name for path in files):
            other.unlink()
        flush_to_disk(part)
        os.rename(part, root / folder.name)
        flush_to_disk(root)
        return True

    def _copy_file(self, source: Path, target: Path, done: Synced) -> None:
        """Bring a file, unless it is here; it has its name only when it is whole."""
        size = source.stat().st_size
        if target.is_file() and target.stat().st_size == size:
            return
        free = shutil.disk_usage(target.parent).free
        if size > free:
            raise DataError(f"{source}: no room in {target.parent}: {free} bytes free of {size}")
        beside = target.with_name(f".{target.name}.new")
        with source.open("rb") as read, beside.open("wb") as write:
            while True:
                began_s = time.monotonic()
                piece = read.read(_PIECE_BYTES)
                if not piece:
                    break
                write.write(piece)
                done.size_bytes += len(piece)
                too_fast_s = len(piece) / self._limit_bytes_s - (time.monotonic() - began_s)
                self._wait(max(too_fast_s, 0.0))
        if beside.stat().st_size != size:
            raise DataError(f"{source}: {beside.stat().st_size} bytes came of {size}: it is being changed")
        flush_to_disk(beside)
        os.replace(beside, target)

    def _relabel(self, name: str) -> bool:
        """Take over another description: outcome and score are said afterwards."""
        said = (self._source.root / name / META_FILE).read_bytes()
        path = self._target.root / name / META_FILE
        if path.is_file() and path.read_bytes() == said:
            return False
        beside = path.with_name(f".{META_FILE}.new")
        beside.write_bytes(said)
        flush_to_disk(beside)
        os.replace(beside, path)
        flush_to_disk(path.parent)
        return True


def _files(folder: Path) -> list[Path]:
    """Return the files of an episode, its description last; DataError for a link or anything else."""
    paths = sorted(folder.iterdir(), key=lambda path: (path.name == META_FILE, path.name))
    paths = [path for path in paths if not path.name.startswith(".")]
    for path in paths:
        if path.is_symlink() or not path.is_file():
            raise DataError(f"{path} must be a file: a finished episode holds nothing else")
    return paths
