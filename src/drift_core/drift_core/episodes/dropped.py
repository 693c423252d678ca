"""Episodes that a person has taken out of a store, and may put back: `.dropped/<id>/` among the episodes.

Nothing trains on them. Deleting them is left to the person.
"""

import os
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError

DROPPED = ".dropped"  # a folder among the episodes


class Dropped:
    """What was taken out of a store. Each move is one rename: an episode is here or there."""

    def __init__(self, episodes: EpisodeStore) -> None:
        self._episodes = episodes
        self.store = EpisodeStore(episodes.root / DROPPED)

    def ids(self) -> list[str]:
        """Return the ids of the episodes that can be put back, sorted."""
        return self.store.ids()

    def drop(self, episode_id: str) -> Path:
        """Take a finished episode out of the store and return where it lies; DataError where it cannot be."""
        if episode_id not in self._episodes.ids():
            raise DataError(f"episode id={episode_id!r} is not in {self._episodes.root}")
        self.store.root.mkdir(exist_ok=True)
        return self._move(episode_id, self._episodes.root, self.store.root)

    def restore(self, episode_id: str) -> Path:
        """Put an episode back into the store and return where it lies; DataError where it cannot be."""
        if episode_id not in self.ids():
            raise DataError(
                f"episode id={episode_id!r} must be one of the {len(self.ids())} in {self.store.root}"
            )
        return self._move(episode_id, self.store.root, self._episodes.root)

    def _move(self, episode_id: str, source: Path, target: Path) -> Path:
        place = target / episode_id
        if place.exists():
            raise DataError(f"{place} exists already, with another episode of that id: move one of them away")
        os.rename(source / episode_id, place)
        for folder in (target, source):
            flush_to_disk(folder)
        return place
