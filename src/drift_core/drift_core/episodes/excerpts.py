"""Excerpts of open episodes: each correction as soon as it is over, as a small episode of its own.

They lie hidden among the episodes, `.corrections/<episode id>.<intervention id>/`, written and read like any
episode. The episode itself stays the truth: an excerpt counts only while its episode is open, and means
nothing any more when that is finished, dropped, or was broken off.
"""

import shutil
import threading
from pathlib import Path

from drift_core.episodes.store import EpisodeStore

CORRECTIONS = ".corrections"  # a folder among the episodes


def excerpt_id(episode_id: str, intervention_id: int) -> str:
    """Return the id of the excerpt of a take-over."""
    return f"{episode_id}.{intervention_id}"


def excerpt_of(excerpt: str) -> tuple[str, int]:
    """Return of which episode and take-over an excerpt is."""
    episode_id, _, intervention_id = excerpt.rpartition(".")
    return episode_id, int(intervention_id)


class Excerpts:
    """The excerpts that belong to the episodes of a store."""

    def __init__(self, episodes: EpisodeStore) -> None:
        self.episodes = episodes
        self._cleaning = threading.Lock()
        self.store = EpisodeStore(episodes.root / CORRECTIONS)

    @property
    def root(self) -> Path:
        """Where the excerpts are written."""
        return self.store.root

    def ids(self) -> list[str]:
        """Return the ids of the excerpts that count, sorted.

        Ask the store for its episodes after this: one that was finished in between is then found there.
        """
        if not self.root.is_dir():
            return []
        open_ids = set(self.episodes.open_ids())
        return [excerpt for excerpt in self.store.ids() if excerpt_of(excerpt)[0] in open_ids]

    def clear(self) -> None:
        """Delete all of them, also what killed writers left; for when no episode is open."""
        with self._cleaning:
            if self.root.is_dir():
                shutil.rmtree(self.root)

    def clean(self) -> list[str]:
        """Delete the excerpts that do not count any more, and return their ids."""
        with self._cleaning:
            written = self.store.ids()  # before those that count: what is written meanwhile stays
            gone = sorted(set(written).difference(self.ids()))
            for excerpt in gone:
                self.store.delete(excerpt)
            return gone
