"""Which episode was recorded before which."""

from drift_core.episodes.store import EpisodeStore
from drift_core.errors import DataError


def age_key(store: EpisodeStore, episode_id: str) -> tuple[float, float, str]:
    """Sort by the start; simulations all start at the same time, so then by when the files were written.

    What is described only later (a label) makes no episode newer: its oldest file counts.
    """
    try:
        started_s = store.meta(episode_id).started_s
    except DataError:
        started_s = -1.0
    return started_s, written_s(store, episode_id), episode_id


def written_s(store: EpisodeStore, episode_id: str) -> float:
    """Return when the oldest file of an episode was written, system time; 0 where there is none."""
    files = [file.stat().st_mtime for file in (store.root / episode_id).iterdir()]
    return min(files, default=0.0)
