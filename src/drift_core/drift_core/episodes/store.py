"""The append-only folder of finished episodes."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from drift_core.episodes.files import META_FILE, STEPS_FILE, part_folder
from drift_core.episodes.reader import read_episode, read_meta
from drift_core.episodes.record import Episode, EpisodeMeta
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

    def clean(self, keep: Collection[str] = ()) -> list[str]:
        """Delete what killed writers left and return the ids; `keep` names those still being written."""
        cleaned = []
        for episode_id in self.open_ids():
            if episode_id not in keep:
                shutil.rmtree(part_folder(self.root, episode_id))
                cleaned.append(episode_id)
        return cleaned

    def delete(self, episode_id: str) -> None:
        """Delete a finished episode: first its place is empty, then its files go."""
        part = part_folder(self.root, episode_id)
        os.rename(self._folder(episode_id), part)
        shutil.rmtree(part)

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
    return (folder / META_FILE).is_file() or (folder / STEPS_FILE).is_file()
