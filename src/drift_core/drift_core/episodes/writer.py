"""Write an episode beside its final place and rename it there: a killed process leaves no half episode.

Until then its folder `.<id>.part` holds what was recorded, in batches, and its description; repair.py makes
that whole. A full disk costs nothing that was recorded before: some room is reserved as long as the episode
is open, and given up then, so that the files can be finished.
"""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from drift_core.disk import flush_to_disk
from drift_core.episodes.description import META_KEY, described, meta_text, write_meta
from drift_core.episodes.files import (
    META_FILE,
    STEP_COLUMNS,
    STEPS,
    part_folder,
    table_columns,
    table_file,
    tables_of,
)
from drift_core.episodes.images import LOSSLESS, ImageEncoding
from drift_core.episodes.place import Place
from drift_core.episodes.record import SCHEMA, ChunkRecord, EpisodeMeta, OutcomeName, StepRecord, StoredFile
from drift_core.episodes.rows import Row, Rows
from drift_core.episodes.sink import Reserve
from drift_core.episodes.table_writer import TableWriter
from drift_core.episodes.tables import column, read_table
from drift_core.errors import DataError

_ROWS_PER_BATCH = 512
BYTES_PER_BATCH = 2 << 20  # what waits to be written must fit into the reserve
_RESERVE_BYTES = 16 << 20  # for what waits, the ends of the files and episode.json
_RESERVE_FILE = "reserve"


class EpisodeWriter:
    """Record one episode below `root`, from one thread; as a context manager it aborts if not closed.

    When the disk becomes full, adding raises OSError from then on; what was added before can still be closed.
    """

    def __init__(self, root: Path | str, meta: EpisodeMeta, encoding: ImageEncoding = LOSSLESS) -> None:
        self._root, self._meta = Path(root), replace(meta, schema=SCHEMA)
        self._final, self._part = self._root / meta.id, part_folder(self._root, meta.id)
        self.rows = Rows(meta, encoding)
        self._root.mkdir(parents=True, exist_ok=True)
        if self._final.exists():
            raise DataError(f"episode id={meta.id!r} exists already in {self._root}")
        if self._part.exists():
            raise DataError(f"episode id={meta.id!r} is being written or was broken off: {self._part}")
        self._part.mkdir()
        self._place = Place(self._part)
        self._open = True
        self._full: OSError | None = None
        self._tables: dict[str, TableWriter] = {}
        try:
            self._reserve = Reserve(self._part / _RESERVE_FILE, _RESERVE_BYTES)
            (self._part / META_FILE).write_text(meta_text(self._meta), encoding="utf-8")
            for table in tables_of(self._meta):
                self._tables[table] = self._table(table)
        except BaseException:
            self.abort()
            raise

    def add_step(self, step: StepRecord) -> None:
        """Take one control step; some microseconds, now and then some milliseconds to write 512 of them."""
        self.add(self.rows.step(step))

    def add_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> None:
        """Take one joint sample (J,), as it arrived."""
        self.add(self.rows.joints(positions_rad, gripper_m, stamp_s, arrival_s))

    def add_chunk(self, chunk: ChunkRecord) -> None:
        """Take one chunk of the policy, whether it is executed or not."""
        self.add(self.rows.chunk(chunk))

    def add_reward(self, reward: float, stamp_s: float) -> None:
        """Take what a step of the environment earned that was over at `stamp_s`."""
        self.add(self.rows.reward(reward, stamp_s))

    def add_frame(self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float) -> None:
        """Take one (H, W, 3) uint8 RGB image, as it arrived."""
        self.add(self.rows.frame(camera, image, stamp_s, arrival_s))

    def add(self, row: Row) -> None:
        """Take a row, also that of another writer of the same robot and cameras."""
        if self._full is not None:
            raise OSError(self._full.errno, self._full.strerror, str(self._part))
        values = row.values
        if row.picture is not None:
            values = (*values[:-1], row.picture.data())
        self._tables[row.table].add(values, row.size_bytes)

    def flush(self) -> None:
        """Write what waits: from then on it outlives the process."""
        for table in self._tables.values():
            table.flush()

    def check_place(self) -> None:
        """Raise OSError where what is written could not be finished: the folder is gone, or read-only."""
        self._place.check()

    def close(self, outcome: OutcomeName, score: float | None = None) -> Path:
        """Finish the files, put the episode in its place and return that; `score` lies in [0, 1].

        On an OSError the files stay where they are, and it says where.
        """
        if score is not None and not 0.0 <= score <= 1.0:
            raise DataError(f"episode id={self._meta.id!r}: score={score} must lie in [0, 1]")
        if not self._open:
            raise DataError(f"episode id={self._meta.id!r} is closed already")
        self._open = False
        try:
            files = self._finish_files()
            self._reserve.give_up()
            meta = replace(self._meta, outcome=outcome, score=score, files=files)
            write_meta(self._part, self._described(meta))
            for path in (*self._part.iterdir(), self._part):
                flush_to_disk(path)
            os.rename(self._part, self._final)
            flush_to_disk(self._root)
        except (OSError, DataError) as error:
            self._leave()
            with suppress(OSError):  # of a disk that takes nothing any more; told is what came first
                self._reserve.give_up()
            cause = error if isinstance(error, OSError) else error.__cause__
            number, why = (cause.errno, cause.strerror) if isinstance(cause, OSError) else (None, error)
            remedy = f"`drift data repair {self._root}` makes whole what was written"
            text = f"{why}: the episode is not finished, {remedy}"
            raise OSError(number, text, str(self._part)) from error
        return self._final

    def abort(self) -> None:
        """Throw the episode away; nothing happens when it has ended."""
        if not self._open:
            return
        self._open = False
        try:
            self._leave()
        finally:
            if self._part.exists():
                shutil.rmtree(self._part)

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _table(self, table: str) -> TableWriter:
        columns = table_columns(table)
        if table == STEPS:  # should episode.json be lost
            columns = columns.with_metadata({META_KEY: meta_text(self._meta)})
        path = self._part / table_file(table)
        return TableWriter(path, columns, _ROWS_PER_BATCH, BYTES_PER_BATCH, self._make_room)

    def _finish_files(self) -> tuple[StoredFile, ...]:
        """Finish every file as far as that goes; OSError, the first one, when one could not be."""
        files, errors = [], []
        for table in self._tables.values():
            try:
                files.append(table.close())
            except OSError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return tuple(files)

    def _described(self, meta: EpisodeMeta) -> EpisodeMeta:
        """Return `meta` with what the control steps say that were written."""
        path = self._part / table_file(STEPS)
        steps = read_table(path, STEP_COLUMNS)
        names = ("stamp_s", "source", "intervention_id", "policy_version")
        return described(meta, *(column(steps, name, path) for name in names))

    def _leave(self) -> None:
        for table in self._tables.values():
            table.leave()

    def _make_room(self, error: OSError) -> bool:
        self._full = error
        return self._reserve.give_up()
