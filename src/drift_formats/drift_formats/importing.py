"""Data of another format as episodes of a store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from drift_core.episodes import Dropped, EpisodeMeta, EpisodeStore, EpisodeWriter
from drift_core.errors import DataError

from drift_formats.format import Cell, Format


@dataclass(frozen=True)
class Imported:
    """What became of an episode from elsewhere."""

    episode_id: str
    became: Literal["new", "known", "left out"]  # known: the store had it already, and it was left alone
    remark: str = ""  # what of it is lost or was assumed, or why it is left out; empty: nothing to say


def import_episodes(
    source: Path, store: EpisodeStore, cell: Cell, form: Format, source_map: Any
) -> Iterator[Imported]:
    """Read `source` into `store`, one episode after the other; yields what became of each.

    An episode that the store has already, under the same name and of the same robot and task, is left alone,
    so that an import which was broken off can be gone on with. One of another task is left out, and so is one
    that a person has dropped from the store. DataError for one of another robot, or where two of `source` are
    named alike.
    """
    robot = "point" if cell.arm is None else cell.arm.name
    with store.claim():
        there, dropped = set(store.ids()), set(Dropped(store).ids())
        store.set_aside_parts()
        taken: set[str] = set()
        for recording in form.recordings(source, cell, source_map):
            meta = recording.meta
            if meta.id in taken:
                raise DataError(f"{source}: two episodes in it are named {meta.id}: rename the later one")
            taken.add(meta.id)
            if meta.robot != robot:
                raise DataError(f"{source}: its episode {meta.id} is of robot={meta.robot}, not {robot}")
            if meta.task != cell.task.name:
                yield Imported(meta.id, "left out", f"of task {meta.task}")
                continue
            if meta.id in dropped:
                yield Imported(meta.id, "left out", "dropped from the store before")
                continue
            if meta.id in there:
                _check_same(store.meta(meta.id), meta, source)
                yield Imported(meta.id, "known")
                continue
            with EpisodeWriter(store.root, meta) as writer:
                ending = recording.fill(writer)
                writer.close(ending.outcome, ending.score)
            yield Imported(meta.id, "new", ending.remark)


def _check_same(there: EpisodeMeta, new: EpisodeMeta, source: Path) -> None:
    for name in ("robot", "task", "cameras", "dt_s", "started_s"):
        if getattr(there, name) != getattr(new, name):
            raise DataError(
                f"{source}: its episode {new.id} is in the store already with {name}={getattr(there, name)}, "
                f"not {getattr(new, name)}: name another store"
            )
