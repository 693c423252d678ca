"""Episodes of a store as data of another format: written beside its place and renamed there when whole."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from drift_core.disk import flush_to_disk
from drift_core.episodes import Episode, EpisodeMeta, EpisodeStore
from drift_core.errors import DataError

from drift_formats.format import Cell, Format


def export_episodes(
    store: EpisodeStore,
    ids: Iterable[str],
    cell_of: Callable[[EpisodeMeta], Cell],
    destination: Path,
    form: Format,
    options: Any,
    say: Callable[[str], None],
) -> None:
    """Write the episodes `ids` of `store` to the new folder `destination`; `say` is told what is lost.

    Whatever breaks it off leaves nothing behind. DataError for a destination that is there already, or an
    episode that does not fit.
    """
    if destination.exists():
        raise DataError(f"{destination}: is there already, name a new folder")
    part = destination.parent / f".{destination.name}.part"
    if part.exists():
        raise DataError(f"{part}: is being written or was broken off; delete it")
    part.mkdir(parents=True)
    try:
        form.export(_read(store, ids, cell_of), part, options, say)
        for path in (*part.rglob("*"), part):
            flush_to_disk(path)
        os.rename(part, destination)
    except BaseException:
        shutil.rmtree(part)
        raise
    flush_to_disk(destination.parent)


def _read(
    store: EpisodeStore, ids: Iterable[str], cell_of: Callable[[EpisodeMeta], Cell]
) -> Iterator[tuple[Cell, Episode]]:
    for episode_id in ids:
        episode = store.read(episode_id)
        yield cell_of(episode.meta), episode
