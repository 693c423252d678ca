"""A store that follows another one, on a mounted disk of the robot's machine, for one.

A finished episode never changes, but for its label; so it is copied file by file into `.<id>.part` and
renamed when it is whole: whoever trains here sees all of it or nothing. What a person has dropped here does
not come again. Corrections of open episodes come
too, and count as they do there: while `.<id>.part` says that their episode is open. What has come is kept,
whatever breaks off; a file that was broken off is begun anew. What is the mirror's own of these folders is
marked: what a recorder has left here is not touched.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.episodes.dropped import Dropped
from drift_core.episodes.excerpts import CORRECTIONS, Excerpts
from drift_core.episodes.files import META_FILE, part_folder
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError

_PIECE_BYTES = 1 << 20
_MARK = ".mirrored"  # in a `.part` of the mirror: the description of the episode that comes into it
_LABEL = ("outcome", "score")  # what drift data relabel changes in a description


@dataclass
class Synced:
    """What one look at the source has brought."""

    episodes: int = 0
    corrections: int = 0
    relabelled: int = 0
    size_bytes: int = 0
    left_out: list[str] = field(default_factory=list)
    """what stays another than there, and why, in words"""


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

        DataError where the source is no folder, holds no episode, or what is no file; OSError where it cannot
        be read any more, or the target not written.
        """
        refuse_empty(self._source)
        done = Synced()
        open_ids = self._source.open_ids()  # before the finished ones: one that ends meanwhile is in both
        finished, here = self._source.ids(), set(self._target.ids())
        for name in open_ids:
            if name not in here:
                _own_part(self._target.root, name, b"", done)
        done.corrections = self._corrections(done)
        dropped = set(Dropped(self._target).ids())
        new = [name for name in finished if name not in here | dropped]
        for number, name in enumerate(new, 1):
            on_text(f"episode {number} of {len(new)}: {name}")
            done.episodes += self._copy(self._source.root / name, self._target.root, done)
        for name in here.intersection(finished):
            done.relabelled += self._relabel(name, done)
        there = {*open_ids, *self._source.open_ids(), *self._source.ids()}
        refuse_empty(self._source)  # a disk that went away meanwhile has no episodes either
        for name in set(self._target.open_ids()).difference(there):
            part = part_folder(self._target.root, name)
            if (part / _MARK).exists():
                shutil.rmtree(part)  # dropped there, or broken off
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
        """Bring one episode; False where it is gone meanwhile, or its place is another's."""
        said = _read(folder / META_FILE)
        part = _own_part(root, folder.name, said, done)
        if part is None:
            return False
        try:
            files = _files(folder)
            for path in files:
                self._copy_file(path, part / path.name, done)
        except FileNotFoundError:
            if folder.exists():
                raise
            refuse_empty(self._source)
            shutil.rmtree(part)
            return False
        if _read(part / META_FILE) != said:
            raise DataError(f"{folder}: it is being changed")
        for other in set(part.iterdir()).difference([part / _MARK, *(part / path.name for path in files)]):
            other.unlink()
        flush_to_disk(part)
        os.rename(part, root / folder.name)
        flush_to_disk(root)
        (root / folder.name / _MARK).unlink(missing_ok=True)
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

    def _relabel(self, name: str, done: Synced) -> bool:
        """Take over another label; where more was changed there, its files are others, too."""
        said, path = _read(self._source.root / name / META_FILE), self._target.root / name / META_FILE
        path.with_name(_MARK).unlink(missing_ok=True)  # of a process that was killed after its rename
        if not said or said == (known := _read(path)):
            return False
        if _without_label(said) != _without_label(known):
            text = "changed there in more than outcome and score (repaired?) and left as it is"
            done.left_out.append(f"{path.parent}: {text}; it comes anew once this folder is moved away")
            return False
        beside = path.with_name(f".{META_FILE}.new")
        beside.write_bytes(said)
        flush_to_disk(beside)
        os.replace(beside, path)
        flush_to_disk(path.parent)
        return True


def refuse_empty(source: EpisodeStore) -> None:
    """Refuse a store without any episode: the folder on which a disk is to be mounted is one."""
    if not source.root.is_dir():
        raise DataError(f"{source.root} is no folder, or not mounted")
    if not source.ids() and not source.open_ids():
        raise DataError(f"{source.root} holds no episode, or is not mounted")


def _own_part(root: Path, name: str, said: bytes, done: Synced) -> Path | None:
    """Return where the episode comes whose description is `said`; None where a recorder has left something.

    What had come of an episode with another description is deleted.
    """
    part = part_folder(root, name)
    part.mkdir(exist_ok=True)
    mark = part / _MARK
    if any(part.iterdir()):
        if not mark.exists():
            done.left_out.append(f"{part}: recorded here and broken off: `drift data repair` makes it whole")
            return None
        if (before := _read(mark)) and before != said:
            shutil.rmtree(part)
            part.mkdir()
    mark.write_bytes(said)
    return part


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _without_label(description: bytes) -> object:
    try:
        said = json.loads(description)
    except (ValueError, RecursionError):
        return description
    return {key: said[key] for key in said if key not in _LABEL} if isinstance(said, dict) else description


def _files(folder: Path) -> list[Path]:
    """Return the files of an episode, its description last; DataError for a link or anything else."""
    paths = sorted(folder.iterdir(), key=lambda path: (path.name == META_FILE, path.name))
    paths = [path for path in paths if not path.name.startswith(".")]
    for path in paths:
        if path.is_symlink() or not path.is_file():
            raise DataError(f"{path} must be a file: a finished episode holds nothing else")
    return paths
