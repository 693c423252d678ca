"""Read a finished episode from its folder."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from drift_config.errors import ConfigError
from drift_config.loader import parse

from drift_core.episodes.files import (
    FRAME_COLUMNS,
    JOINT_COLUMNS,
    JOINTS_FILE,
    META_FILE,
    STEP_COLUMNS,
    STEPS_FILE,
    camera_file,
)
from drift_core.episodes.record import SCHEMA, Episode, EpisodeMeta, Frames, Joints, Steps
from drift_core.errors import DataError


def read_meta(folder: Path | str) -> EpisodeMeta:
    """Read what episode.json says."""
    path = Path(folder) / META_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if isinstance(data, dict) and data.get("schema") != SCHEMA:
        raise DataError(f"{path}: schema={data.get('schema')!r} must be {SCHEMA}")
    try:
        return parse(data, EpisodeMeta, source=str(path))
    except ConfigError as error:
        raise DataError(str(error)) from error


def read_episode(folder: Path | str) -> Episode:
    """Read an episode; camera frames stay encoded until they are asked for."""
    folder = Path(folder)
    meta = read_meta(folder)
    steps = _read(folder / STEPS_FILE, STEP_COLUMNS)
    joints = _read(folder / JOINTS_FILE, JOINT_COLUMNS)
    frames = {}
    for camera in meta.cameras:
        table = _read(folder / camera_file(camera.name), FRAME_COLUMNS)
        frames[camera.name] = Frames(
            _column(table, "stamp_s"), _column(table, "arrival_s"), table["png"].to_pylist()
        )
    return Episode(
        meta,
        Steps(**{name: _column(steps, name) for name in STEP_COLUMNS.names}),
        Joints(**{name: _column(joints, name) for name in JOINT_COLUMNS.names}),
        frames,
    )


def _read(path: Path, columns: pa.Schema) -> pa.Table:
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if table.schema.names != columns.names:
        raise DataError(f"{path}: columns={table.schema.names} must be {columns.names}")
    return table


def _column(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as (N,), or (N, width) for vectors, with NaN rows where there was no vector."""
    column = table[name].combine_chunks()
    if not pa.types.is_list(column.type):
        return column.to_numpy(zero_copy_only=False)
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    present = lengths == width
    if not (present | (lengths == 0)).all():
        raise DataError(f"column {name}: vectors must all have {width} numbers, got {sorted(set(lengths))}")
    rows = np.full((len(lengths), width), np.nan)
    if width:
        rows[present] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return rows
