"""The append-only folder of finished episodes."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from drift_core.episodes.description import read_meta
from drift_core.episodes.files import META_FILE, STEPS, part_folder, table_file
from drift_core.episodes.quarantine import BROKEN_OFF, Quarantine
from drift_core.episodes.reader import read_episode
from drift_core.episodes.record import SCHEMAS, Episode, EpisodeMeta
from drift_core.errors import DataError


def held_out(episode_id: str) -> bool:
    """Whether an episode is never trained on: one in ten, decided by its id alone."""
    digest = hashlib.sha256(episode_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10 == 0


class EpisodeStore:
    """Finished episodes below `root`; open or broken-off ones (`.<id>.part`) do not count."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def ids(self) -> list[str]:
        """Return the ids of all finished episodes, sorted."""
        if not self.root.is_dir():
            return []
        folders = (path for path in self.root.iterdir() if not path.name.startswith("."))
        return sorted(path.name for path in folders if _is_episode(path))

    def new_ids(self, known: Collection[str]) -> list[str]:
        """Return the ids that are not in `known`, sorted."""
        seen = set(known)
        return [episode_id for episode_id in self.ids() if episode_id not in seen]

    def open_ids(self) -> list[str]:
        """Return the ids of the episodes that are being written, or were broken off, sorted."""
        return sorted(path.name.removeprefix(".").removesuffix(".part") for path in self.root.glob(".*.part"))

    def meta(self, episode_id: str) -> EpisodeMeta:
        """Read the description of an episode."""
        return read_meta(self._folder(episode_id))

    def read(self, episode_id: str) -> Episode:
        """Read an episode."""
        return read_episode(self._folder(episode_id))

    def held_out(self, episode_id: str) -> bool:
        """Whether an episode is never trained on."""
        return held_out(episode_id)

    def claim(self) -> "Claim":
        """Keep other recorders out until what is returned is closed, or the process ends.

        DataError where another one records here: what looks broken off may be its open episode.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        return Claim(self.root)

    @property
    def quarantine(self) -> Quarantine:
        """Where broken episodes lie."""
        return Quarantine(self.root)

    def set_aside_parts(self) -> list[str]:
        """Put what killed recorders left into quarantine and return the ids; only with the claim."""
        found = self.open_ids()
        for episode_id in found:
            self.quarantine.take(part_folder(self.root, episode_id), episode_id, BROKEN_OFF)
        return found

    def delete(self, episode_id: str) -> None:
        """Delete a finished episode: first its place is empty, then its files go."""
        gone = self.root / f".{episode_id}.deleted"
        if gone.exists():  # of a process that was killed here
            shutil.rmtree(gone)
        os.rename(self._folder(episode_id), gone)
        shutil.rmtree(gone)

    def _folder(self, episode_id: str) -> Path:
        folder = self.root / episode_id
        if episode_id.startswith(".") or folder.parent != self.root or not _is_episode(folder):
            raise DataError(f"episode id={episode_id!r} is not in {self.root} ({len(self.ids())} episodes)")
        return folder


class Claim:
    """The lock (flock) on the folder of a store, which its one recorder keeps."""

    def __init__(self, root: Path) -> None:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)  # not inherited by other processes
        self._descriptor: int | None = descriptor
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise DataError(f"another process records into {root}: end it, or name another folder") from None

    def close(self) -> None:
        """Let others record; nothing happens when that was done before."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _is_episode(folder: Path) -> bool:
    """Whether `folder` holds an episode, and be it a damaged one."""
    files = (META_FILE, *(table_file(STEPS, schema) for schema in SCHEMAS))
    return any((folder / file).is_file() for file in files)
