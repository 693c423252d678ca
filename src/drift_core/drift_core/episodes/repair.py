"""Make episodes whole that were broken off or damaged, up to what can be read of them.

The original is never changed: what is mended is written beside it. An episode that was only broken off is
replaced then; of one that is damaged, or of which nothing can be mended, the original lies in quarantine.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from drift_core.disk import flush_to_disk
from drift_core.episodes.check import check_episode, file_sha256
from drift_core.episodes.description import META_KEY, described, meta_text, write_meta
from drift_core.episodes.files import (
    CHUNK_COLUMNS,
    CHUNKS,
    REWARD_COLUMNS,
    REWARDS,
    STEPS,
    camera_table,
    part_folder,
    table_file,
    tables_of,
)
from drift_core.episodes.quarantine import BROKEN_OFF, REASON_FILE
from drift_core.episodes.record import EpisodeMeta
from drift_core.episodes.salvage import Salvaged, salvage_meta, salvage_table, without_broken_images
from drift_core.episodes.store import EpisodeStore
from drift_core.episodes.table_writer import write_table
from drift_core.episodes.tables import column
from drift_core.errors import DataError

_ARROW: Literal[2] = 2  # the first schema of Arrow files
_BESIDE = {CHUNKS: CHUNK_COLUMNS, REWARDS: REWARD_COLUMNS}  # tables without which an episode is still one
_BEING_REPLACED, _REPLACED = "being replaced by ", "replaced by "  # reasons; then where what was mended lies


@dataclass(frozen=True)
class Repair:
    """What became of a broken episode, or would."""

    name: str  # of its folder
    place: Path  # where it lies, or would
    whole: bool  # whether it can be trained on now
    text: str  # what was lost, or why nothing could be mended


@dataclass(frozen=True)
class _Mended:
    meta: EpisodeMeta
    tables: dict[str, pa.Table]
    damage: str  # what is lost beside what was not written whole; empty: nothing


def repair_store(store: EpisodeStore, dry_run: bool = False) -> Iterator[Repair]:
    """Mend what was broken off, what lies in quarantine, and finished episodes that are broken.

    Only with the claim on the store: what is being recorded looks broken off, too.
    """
    aside = [(folder, folder.name) for folder in store.quarantine.entries() if not _is_replaced(folder)]
    parts = [(part_folder(store.root, episode_id), episode_id) for episode_id in store.open_ids()]
    finished = store.ids()
    for folder, name in (*parts, *aside):
        yield _repair(store, folder, name, dry_run)
    for episode_id in finished:
        folder = store.root / episode_id
        if any(problem.broken for problem in check_episode(folder)):
            yield _repair(store, folder, episode_id, dry_run)


def _repair(store: EpisodeStore, folder: Path, name: str, dry_run: bool) -> Repair:
    try:
        mended = _mend(folder)
        place = store.root / mended.meta.id
        if place.exists() and place != folder:
            raise DataError(f"an episode of that id is in {store.root} already")
        if not dry_run:
            _put_into_place(store, folder, mended, _written_beside(store, mended))
    except DataError as error:
        return _give_up(store, folder, name, str(error), dry_run)
    return Repair(name, place, True, mended.meta.repaired)


def _give_up(store: EpisodeStore, folder: Path, name: str, reason: str, dry_run: bool) -> Repair:
    if folder.parent == store.quarantine.root:
        if not dry_run:
            (folder / REASON_FILE).write_text(reason + "\n", encoding="utf-8")
        return Repair(name, folder, False, reason)
    place = store.quarantine.root / name if dry_run else store.quarantine.take(folder, name, reason)
    return Repair(name, place, False, reason)


def _mend(folder: Path) -> _Mended:
    """Read what is whole; DataError where that is no episode."""
    meta = salvage_meta(folder)
    pictures = {camera_table(camera.name): 3 * camera.width * camera.height for camera in meta.cameras}
    found = {table: _salvage(folder, table, meta.schema, pictures.get(table, 0)) for table in tables_of(meta)}
    tables = {table: salvaged.rows for table, salvaged in found.items()}
    for table, rows in tables.items():
        if not len(rows) and table not in _BESIDE:
            raise DataError(f"{folder / table_file(table, meta.schema)}: no row of it was written whole")
    damage = [salvaged.damage for salvaged in found.values() if salvaged.damage]
    if meta.files:  # its recorder was through
        cut = [table_file(table, meta.schema) for table, salvaged in found.items() if salvaged.cut]
        damage += [f"{name}: its end is lost" for name in cut]
    for camera in meta.cameras:
        table = camera_table(camera.name)
        tables[table], broken = without_broken_images(tables[table], camera)
        if broken:
            damage.append(f"{table_file(table, meta.schema)}: {broken} images cannot be decoded")
    if not damage:
        _check_digests(folder, meta)
    broken_off = not meta.files and any(salvaged.cut for salvaged in found.values())
    text = "; ".join([*[BROKEN_OFF] * broken_off, *damage]) or "made whole from its files"
    schema = _ARROW if meta.schema < _ARROW else meta.schema  # what was never recorded is not there now
    return _Mended(replace(meta, schema=schema, repaired=text), tables, "; ".join(damage))


def _salvage(folder: Path, table: str, schema: int, picture_bytes: int) -> Salvaged:
    """Read what is whole of a table."""
    path = folder / table_file(table, schema)
    if table in _BESIDE and path.is_file() and not path.stat().st_size:  # there was none until then
        return Salvaged(_BESIDE[table].empty_table(), cut=True)
    try:
        return salvage_table(folder, table, schema, picture_bytes)
    except DataError as error:
        if table not in _BESIDE:
            raise
        return Salvaged(_BESIDE[table].empty_table(), damage=str(error))


def _check_digests(folder: Path, meta: EpisodeMeta) -> None:
    """Refuse files that are whole and others than when they were finished: which rows are wrong?"""
    for stored in meta.files:
        path = folder / stored.name
        if path.is_file() and file_sha256(path) != stored.sha256:
            raise DataError(f"{path}: other content than when it was finished, and nothing tells which rows")


def _written_beside(store: EpisodeStore, mended: _Mended) -> Path:
    """Write what was mended and return where; DataError where it is still not fit for use.

    On that, and on an OSError, nothing is left of it.
    """
    beside = store.root / f".{mended.meta.id}.repaired"
    if beside.exists():  # of a process that was killed here
        shutil.rmtree(beside)
    beside.mkdir()
    try:
        _write(beside, mended)
    except BaseException:
        shutil.rmtree(beside)
        raise
    return beside


def _write(beside: Path, mended: _Mended) -> None:
    steps, path = mended.tables[STEPS], beside / table_file(STEPS)
    tables = mended.tables | {STEPS: steps.replace_schema_metadata({META_KEY: meta_text(mended.meta)})}
    files = tuple(write_table(beside / table_file(table), rows) for table, rows in tables.items())
    names = ("stamp_s", "source", "intervention_id", "policy_version")
    columns = (column(steps, name, path) for name in names)
    write_meta(beside, described(replace(mended.meta, files=files), *columns))
    for file in (*beside.iterdir(), beside):
        flush_to_disk(file)
    left = [problem for problem in check_episode(beside, mended.meta.id) if problem.broken]
    if left:
        raise DataError("; ".join(str(problem) for problem in left))


def _put_into_place(store: EpisodeStore, folder: Path, mended: _Mended, beside: Path) -> None:
    """Move the original away and what was mended into its place."""
    place = store.root / mended.meta.id
    if folder.parent == store.quarantine.root:
        original = folder
        (original / REASON_FILE).write_text(f"{_BEING_REPLACED}{place}\n", encoding="utf-8")
    else:
        original = store.quarantine.take(folder, mended.meta.id, f"{_BEING_REPLACED}{place}")
    os.rename(beside, place)
    flush_to_disk(store.root)
    if mended.damage:
        (original / REASON_FILE).write_text(f"{_REPLACED}{place}\n", encoding="utf-8")
    else:
        shutil.rmtree(original)


def _is_replaced(folder: Path) -> bool:
    """Whether an original was mended already and lies here for a person only.

    One that a process was killed upon is, where what was mended has come into its place.
    """
    path = folder / REASON_FILE
    reason = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if reason.startswith(_BEING_REPLACED):
        return (folder.parent.parent / Path(reason.rstrip("\n")).name).exists()
    return reason.startswith(_REPLACED)
