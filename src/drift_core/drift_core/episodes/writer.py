"""Write an episode beside its final place and rename it there: a killed process leaves no half episode.

A full disk costs nothing that was recorded before: some room is reserved as long as the episode is
open, and given up then, so that the files can be finished. Where even that fails, nothing is left behind.
"""

import json
import os
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from drift_config.loader import to_plain

from drift_core.disk import flush_to_disk
from drift_core.episodes.files import (
    FRAME_COLUMNS,
    JOINT_COLUMNS,
    JOINTS_FILE,
    META_FILE,
    STEP_COLUMNS,
    STEPS_FILE,
    camera_file,
    part_folder,
)
from drift_core.episodes.record import EpisodeMeta, OutcomeName, StepRecord, StepSource
from drift_core.episodes.sink import Reserve, Sink
from drift_core.errors import DataError, ShapeError

_ROWS_PER_GROUP = 512
_FRAMES_PER_GROUP = 64
_BYTES_PER_GROUP = 2 << 20  # of frames: what waits to be written must fit into the reserve
_RESERVE_BYTES = 16 << 20  # for what waits, the ends of the files and episode.json
_RESERVE_FILE = "reserve"
_STEP_NAMES = STEP_COLUMNS.names
_INT64_MAX = 2**63 - 1  # of the columns of steps.parquet
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class _Table:
    """Rows that go to a parquet file a group at a time, so that memory stays bounded."""

    def __init__(
        self, path: Path, columns: pa.Schema, rows_per_group: int, make_room: Callable[[OSError], bool]
    ) -> None:
        self._columns, self._rows_per_group = columns, rows_per_group
        self._rows: deque[tuple[Any, ...]] = deque()
        self._bytes = 0  # of the frames among the rows
        self._broken: OSError | None = None  # why a group of rows was not written whole
        compression = "none" if columns is FRAME_COLUMNS else "zstd"
        self._sink = Sink(path, make_room)
        self._file = pq.ParquetWriter(self._sink, columns, compression=compression)

    def add(self, row: tuple[Any, ...], frame_bytes: int = 0) -> None:
        self._rows.append(row)
        self._bytes += frame_bytes
        if len(self._rows) >= self._rows_per_group or self._bytes >= _BYTES_PER_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the file; OSError when something of it could not be written."""
        self._flush()
        if self._broken is not None:  # pyarrow would close it without a word
            raise self._broken
        self._file.close()
        self._sink.close()

    def drop(self) -> None:
        """Close the file, whatever is in it."""
        self._rows.clear()
        self._sink.discard()
        try:
            self._file.close()
        except pa.ArrowException:  # a group of rows was broken off, so the file has no end
            self._file.is_open = False
        finally:
            self._sink.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, self._columns, strict=True)
            ]
            self._rows.clear()
            self._bytes = 0
            try:
                self._file.write_table(pa.Table.from_arrays(arrays, schema=self._columns))
            except OSError as error:
                self._broken = error
                raise


class EpisodeWriter:
    """Record one episode below `root`, from one thread; as a context manager it aborts if not closed.

    When the disk becomes full, adding raises OSError from then on; what was added before can still be closed.
    """

    def __init__(self, root: Path | str, meta: EpisodeMeta) -> None:
        self._root, self._meta = Path(root), meta
        self._final, self._part = self._root / meta.id, part_folder(self._root, meta.id)
        self._root.mkdir(parents=True, exist_ok=True)
        if self._final.exists():
            raise DataError(f"episode id={meta.id!r} exists already in {self._root}")
        if self._part.exists():
            raise DataError(f"episode id={meta.id!r} is being written or was broken off: {self._part}")
        self._part.mkdir()
        self._open = True
        self._full: OSError | None = None
        self._cameras = {camera.name: camera for camera in meta.cameras}
        self._tables: dict[str, _Table] = {}  # by file
        try:
            self._reserve = Reserve(self._part / _RESERVE_FILE, _RESERVE_BYTES)
            self._steps = self._table(STEPS_FILE, STEP_COLUMNS, _ROWS_PER_GROUP)
            self._joints = self._table(JOINTS_FILE, JOINT_COLUMNS, _ROWS_PER_GROUP)
            self._frames = {
                name: self._table(camera_file(name), FRAME_COLUMNS, _FRAMES_PER_GROUP)
                for name in self._cameras
            }
        except BaseException:
            self.abort()
            raise
        self._n_steps = self._n_expert_steps = 0
        self._first_s = self._last_s = meta.started_s
        self._interventions: set[int] = set()
        self._versions: set[int] = set()

    def add_step(self, step: StepRecord) -> None:
        """Take one control step; some microseconds, now and then some milliseconds to write 512 of them."""
        self._add(self._steps, tuple(_cell(name, getattr(step, name)) for name in _STEP_NAMES))
        if self._n_steps == 0:
            self._first_s = step.stamp_s
        self._last_s = step.stamp_s
        self._n_steps += 1
        if step.source == StepSource.EXPERT:
            self._n_expert_steps += 1
            self._interventions.add(step.intervention_id)
        elif step.source == StepSource.POLICY:
            self._versions.add(step.policy_version)

    def add_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> None:
        """Take one joint sample (J,), as it arrived."""
        positions = np.asarray(positions_rad)
        if positions.ndim != 1:
            raise ShapeError(f"joints: positions_rad must be (J,), got {positions.shape}")
        self._add(self._joints, (stamp_s, arrival_s, positions.tolist(), float(gripper_m)))

    def add_frame(self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float) -> None:
        """Take one (H, W, 3) uint8 RGB image, as it arrived; it is stored without loss."""
        self.add_png(camera, self.png_of(camera, image), stamp_s, arrival_s)

    def add_png(self, camera: str, png: bytes, stamp_s: float, arrival_s: float) -> None:
        """Take an image that `png_of` has encoded, also that of another writer."""
        self._add(self._frames[camera], (stamp_s, arrival_s, png), len(png))

    def png_of(self, camera: str, image: np.ndarray) -> bytes:
        """Encode an image (H, W, 3) uint8 RGB of `camera` without loss; DataError or ShapeError."""
        spec = self._cameras.get(camera)
        if spec is None:
            raise DataError(f"camera={camera!r} is unknown; allowed: {', '.join(self._cameras) or 'none'}")
        if image.shape != (spec.height, spec.width, 3) or image.dtype != np.uint8:
            raise ShapeError(
                f"camera {camera}: image must be ({spec.height}, {spec.width}, 3) uint8, "
                f"got {image.shape} {image.dtype}"
            )
        encoded, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _PNG)
        if not encoded:
            raise DataError(f"camera {camera}: image cannot be encoded")
        return png.tobytes()

    def close(self, outcome: OutcomeName, score: float | None = None) -> Path:
        """Finish the files, put the episode in its place and return that; `score` lies in [0, 1].

        On an OSError nothing is left of the episode.
        """
        if score is not None and not 0.0 <= score <= 1.0:
            raise DataError(f"episode id={self._meta.id!r}: score={score} must lie in [0, 1]")
        if not self._open:
            raise DataError(f"episode id={self._meta.id!r} is closed already")
        meta = replace(
            self._meta,
            outcome=outcome,
            score=score,
            duration_s=self._last_s - self._first_s,
            policy_versions=tuple(sorted(self._versions)),
            steps=self._n_steps,
            expert_steps=self._n_expert_steps,
            interventions=len(self._interventions),
        )
        try:
            for table in self._tables.values():
                table.close()
            self._reserve.give_up()
            description = json.dumps(to_plain(meta), indent=2) + "\n"
            (self._part / META_FILE).write_text(description, encoding="utf-8")
            for path in (*self._part.iterdir(), self._part):
                flush_to_disk(path)
            os.rename(self._part, self._final)
        except BaseException:
            self.abort()
            raise
        self._open = False
        flush_to_disk(self._root)
        return self._final

    def abort(self) -> None:
        """Throw the episode away; nothing happens when it has ended."""
        if not self._open:
            return
        self._open = False
        try:
            for table in self._tables.values():
                table.drop()
        finally:
            if self._part.exists():
                shutil.rmtree(self._part)

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def _table(self, file: str, columns: pa.Schema, rows_per_group: int) -> _Table:
        self._tables[file] = _Table(self._part / file, columns, rows_per_group, self._make_room)
        return self._tables[file]

    def _add(self, table: _Table, row: tuple[Any, ...], frame_bytes: int = 0) -> None:
        if self._full is not None:
            raise OSError(self._full.errno, self._full.strerror, str(self._part))
        table.add(row, frame_bytes)

    def _make_room(self, error: OSError) -> bool:
        self._full = error
        return self._reserve.give_up()


def _cell(name: str, value: float | np.ndarray | None) -> float | list[float] | None:
    """Return a field of a control step as it is stored."""
    if isinstance(value, np.ndarray):
        if value.ndim != 1:
            raise ShapeError(f"step: {name} must be a vector, got {value.shape}")
        return value.tolist()
    if not isinstance(value, int):
        return value
    if not -_INT64_MAX <= value <= _INT64_MAX:
        raise DataError(f"step: {name}={value} must be at most {_INT64_MAX}")
    return int(value)  # not an enum
