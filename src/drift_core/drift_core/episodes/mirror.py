"""A store that follows another one: on a mounted disk of the robot's machine, or by asking its recorder.

A finished episode never changes, but for its label; so it is copied file by file into `.<id>.part` and
renamed when it is whole: whoever trains here sees all of it or nothing. What a person has dropped here does
not come again. Corrections of open episodes come
too, and count as they do there: while `.<id>.part` says that their episode is open. What has come is kept,
whatever breaks off. What is the mirror's own of these folders is
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
from drift_core.episodes.check import damaged_file
from drift_core.episodes.dropped import Dropped
from drift_core.episodes.excerpts import CORRECTIONS, Excerpts
from drift_core.episodes.files import META_FILE, part_folder
from drift_core.episodes.listing import Listing, Shelf, description_digest
from drift_core.episodes.source import EpisodeSource
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError
from drift_core.fetching import Pace
from drift_core.pieces import NotThereError

_MARK = ".mirrored"  # in a `.part` of the mirror: the digest of the description of what comes into it
_LABEL = ("outcome", "score", "weight")  # what drift data relabel changes in a description


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
        source: EpisodeSource,
        target: EpisodeStore,
        limit_bytes_s: float = float("inf"),
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """`wait` is called between pieces with the seconds that they came too fast; it may raise to break
        off."""
        self._source, self._target, self._shelf = source, target, Shelf(target)
        self._limit_bytes_s, self._wait = limit_bytes_s, wait

    def sync(self, on_text: Callable[[str], None] = lambda text: None) -> Synced:
        """Look once, and return what has come; only with the claim on the target.

        DataError where the source holds what is no file; what the source raises where it cannot be read any
        more; OSError where the target cannot be written.
        """
        pace = Pace(self._limit_bytes_s, self._wait)
        there, here = self._source.listing(), self._shelf.listing().finished
        done = Synced()
        for name in there.open_ids:
            if name not in here:
                _own_part(self._target.root, name, "", done)
        done.corrections = self._corrections(there, pace, done)
        dropped = set(Dropped(self._target).ids())
        new = [name for name in there.finished if name not in here and name not in dropped]
        for number, name in enumerate(new, 1):
            on_text(f"episode {number} of {len(new)}: {name}")
            done.episodes += self._copy(name, there.finished[name], self._target.root, pace, done)
        for name in here.keys() & there.finished.keys():
            done.relabelled += self._relabel(name, there.finished[name], here[name], pace, done)
        self._forget(there)
        done.size_bytes = pace.size_bytes
        return done

    def _corrections(self, there: Listing, pace: Pace, done: Synced) -> int:
        """Bring the excerpts of open episodes; return how many."""
        here = Excerpts(self._target)
        new = sorted(there.corrections.keys() - here.store.ids())
        if new:
            here.root.mkdir(exist_ok=True)
        return sum(
            self._copy(f"{CORRECTIONS}/{name}", there.corrections[name], here.root, pace, done)
            for name in new
        )

    def _copy(self, episode: str, said: str, root: Path, pace: Pace, done: Synced) -> bool:
        """Bring one episode; False where it is gone meanwhile, or its place is another's.

        `said`: the digest of its description.
        """
        name = episode.rpartition("/")[2]
        part = _own_part(root, name, said, done)
        if part is None:
            return False
        try:
            files = self._source.files(episode)
            for file in sorted(files, key=lambda file: (file == META_FILE, file)):  # the description last
                path = part / file
                if not path.is_file() or path.stat().st_size != files[file]:
                    self._source.copy(episode, file, path, pace)
        except NotThereError:
            shutil.rmtree(part)
            return False
        if description_digest(part) != said:
            raise DataError(f"{episode}: it is being changed")
        if damaged := damaged_file(part):
            remedy = f"damaged there (drift data check), or on the way: delete {part} to fetch it anew"
            done.left_out.append(f"{episode}: {damaged}: {remedy}")
            return False
        for other in set(part.iterdir()).difference([part / _MARK, *(part / file for file in files)]):
            other.unlink()
        flush_to_disk(part)
        os.rename(part, root / name)
        flush_to_disk(root)
        (root / name / _MARK).unlink(missing_ok=True)
        return True

    def _relabel(self, name: str, said: str, known: str, pace: Pace, done: Synced) -> bool:
        """Take over another label; where more was changed there, its files are others, too."""
        folder = self._target.root / name
        (folder / _MARK).unlink(missing_ok=True)  # of a process that was killed after its rename
        if not said or said == known:
            return False
        path, beside = folder / META_FILE, folder / f".{META_FILE}.there"
        try:
            self._source.copy(name, META_FILE, beside, pace)
        except NotThereError:
            return False
        if _without_label(beside.read_bytes()) != _without_label(path.read_bytes() if known else b""):
            beside.unlink()
            text = "changed there in more than outcome, score and weight (repaired?) and left as it is"
            done.left_out.append(f"{folder}: {text}; it comes anew once this folder is moved away")
            return False
        os.replace(beside, path)
        flush_to_disk(folder)
        return True

    def _forget(self, there: Listing) -> None:
        """Delete what is the mirror's own of episodes that were dropped or broken off there."""
        known = {*there.open_ids, *there.finished}
        gone = set(self._target.open_ids()) - known
        gone = {name for name in gone if (part_folder(self._target.root, name) / _MARK).exists()}
        if gone:
            now = self._source.listing()  # one that was opened meanwhile, or is finished by now
            for name in gone.difference(now.open_ids, now.finished):
                shutil.rmtree(part_folder(self._target.root, name))
        Excerpts(self._target).clean()


def _own_part(root: Path, name: str, said: str, done: Synced) -> Path | None:
    """Return where the episode comes whose description has the digest `said`; None where a recorder has left
    something.

    What had come of an episode with another description is deleted.
    """
    part = part_folder(root, name)
    part.mkdir(exist_ok=True)
    mark = part / _MARK
    if any(part.iterdir()):
        if not mark.exists():
            done.left_out.append(f"{part}: recorded here and broken off: `drift data repair` makes it whole")
            return None
        if (before := mark.read_bytes()) and before != said.encode():
            shutil.rmtree(part)
            part.mkdir()
    mark.write_bytes(said.encode())
    return part


def _without_label(description: bytes) -> object:
    try:
        said = json.loads(description)
    except (ValueError, RecursionError):
        return description
    return {key: said[key] for key in said if key not in _LABEL} if isinstance(said, dict) else description
