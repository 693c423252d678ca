"""Read a finished episode from its folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from drift_core.episodes.description import read_meta
from drift_core.episodes.files import (
    CHUNK_COLUMNS,
    CHUNKS,
    FRAME_COLUMNS,
    JOINT_COLUMNS,
    JOINTS,
    REWARD_COLUMNS,
    REWARDS,
    STEPS,
    camera_table,
    table_columns,
    table_file,
)
from drift_core.episodes.record import SCHEMA, WANTED, Chunks, Episode, Frames, Joints, Rewards, Steps
from drift_core.episodes.tables import Bytes, Matrices, column, read_table


def read_episode(folder: Path | str) -> Episode:
    """Read an episode; camera frames stay encoded, and on the disk, until they are asked for."""
    folder = Path(folder)
    meta = read_meta(folder)

    def file(table: str) -> Path:
        return folder / table_file(table, meta.schema)

    return Episode(
        meta,
        read_steps(file(STEPS), meta.schema),
        read_joints(file(JOINTS)),
        {camera.name: read_frames(file(camera_table(camera.name))) for camera in meta.cameras},
        read_chunks(file(CHUNKS)) if meta.schema >= WANTED else None,
        read_rewards(file(REWARDS)) if meta.rewarded else None,
    )


def read_steps(path: Path, schema: int = SCHEMA) -> Steps:
    """Read a file of control steps; what was not recorded by then is unknown."""
    table = read_table(path, table_columns(STEPS, schema))
    columns = {name: column(table, name, path) for name in table.schema.names}
    if schema < WANTED:
        columns |= {
            "proposed_chunk_id": np.zeros(len(table), np.int64),
            "proposed": np.empty((len(table), 0)),
        }
    return Steps(**columns)


def read_chunks(path: Path) -> Chunks:
    """Read a file of chunks, without their numbers."""
    table = read_table(path, CHUNK_COLUMNS)
    columns: dict[str, Any] = {
        field.name: Matrices(table[field.name], field.name, path)
        if pa.types.is_list(field.type)
        else column(table, field.name, path)
        for field in CHUNK_COLUMNS
    }
    return Chunks(**columns)


def read_rewards(path: Path) -> Rewards:
    """Read a file of rewards."""
    table = read_table(path, REWARD_COLUMNS)
    return Rewards(**{name: column(table, name, path) for name in REWARD_COLUMNS.names})


def read_joints(path: Path) -> Joints:
    """Read a file of joint samples."""
    table = read_table(path, JOINT_COLUMNS)
    return Joints(**{name: column(table, name, path) for name in JOINT_COLUMNS.names})


def read_frames(path: Path) -> Frames:
    """Read a file of frames, without its images."""
    table = read_table(path, FRAME_COLUMNS)
    times = column(table, "stamp_s", path), column(table, "arrival_s", path)
    return Frames(*times, Bytes(table["image"]), table["encoding"].to_pylist(), str(path))
