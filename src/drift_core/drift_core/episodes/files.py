"""The files of an episode: names and columns.

<id>/episode.json           EpisodeMeta
<id>/steps.arrow            one row per control step
<id>/joints.arrow           one row per joint sample
<id>/camera_<name>.arrow    one row per frame
<id>/chunks.arrow           one row per chunk of the policy, also those made while a person drove
<id>/rewards.arrow          one row per step of an environment that gives rewards; else it is not there

They are Arrow IPC files: batches of rows one after the other, and at the end where they lie. So a file that
was broken off can be read up to its last whole batch, and a finished one without being copied: frames are not
compressed once more. Episodes of schema 1 (Parquet, frames in a column `png`) and 2 (without what the policy
wanted) are read, too.
"""

from pathlib import Path
from typing import get_type_hints

import pyarrow as pa

from drift_core.episodes.record import (
    SCHEMA,
    WANTED,
    ChunkRecord,
    EpisodeMeta,
    Matrix,
    SourceNumber,
    StepRecord,
    Vector,
)

META_FILE = "episode.json"
STEPS, JOINTS, CHUNKS, REWARDS = "steps", "joints", "chunks", "rewards"
_SUFFIX = {1: ".parquet", 2: ".arrow", 3: ".arrow"}  # by schema

_VECTOR = pa.list_(pa.float64())
_TYPES = {
    float: pa.float64(),
    int: pa.int64(),
    str: pa.string(),
    SourceNumber: pa.uint8(),
    Vector: _VECTOR,
    Matrix: pa.list_(_VECTOR),
}


def _columns_of(record: type) -> pa.Schema:
    hints = get_type_hints(record, include_extras=True)
    return pa.schema([(name, _TYPES[hint]) for name, hint in hints.items()])


STEP_COLUMNS, CHUNK_COLUMNS = _columns_of(StepRecord), _columns_of(ChunkRecord)
_OF_WANTED = ("proposed_chunk_id", "proposed")  # columns of control steps from schema WANTED on
_STEP_COLUMNS_BEFORE = pa.schema([field for field in STEP_COLUMNS if field.name not in _OF_WANTED])
JOINT_COLUMNS = pa.schema(
    [
        ("stamp_s", pa.float64()),
        ("arrival_s", pa.float64()),
        ("positions_rad", _VECTOR),
        ("gripper_m", pa.float64()),
    ]
)
REWARD_COLUMNS = pa.schema([("stamp_s", pa.float64()), ("reward", pa.float64())])
FRAME_COLUMNS = pa.schema(
    [
        ("stamp_s", pa.float64()),
        ("arrival_s", pa.float64()),
        ("encoding", pa.string()),  # png or jpeg
        ("image", pa.binary()),
    ]
)


def camera_table(name: str) -> str:
    """Return the name of the table of a camera."""
    return f"camera_{name}"


def table_file(table: str, schema: int = SCHEMA) -> str:
    """Return the name of the file of a table, in an episode of this schema."""
    return f"{table}{_SUFFIX[schema]}"


def table_columns(table: str, schema: int = SCHEMA) -> pa.Schema:
    """Return the columns of a table, in an episode of this schema (frames: as they are read)."""
    steps = STEP_COLUMNS if schema >= WANTED else _STEP_COLUMNS_BEFORE
    columns = {STEPS: steps, JOINTS: JOINT_COLUMNS, CHUNKS: CHUNK_COLUMNS, REWARDS: REWARD_COLUMNS}
    return columns.get(table, FRAME_COLUMNS)


def tables_of(meta: EpisodeMeta) -> list[str]:
    """Return the tables of an episode."""
    chunks = [CHUNKS] if meta.schema >= WANTED else []
    rewards = [REWARDS] if meta.rewarded else []
    return [STEPS, JOINTS, *(camera_table(camera.name) for camera in meta.cameras), *chunks, *rewards]


def part_folder(root: Path, episode_id: str) -> Path:
    """Return where an open episode is written."""
    return root / f".{episode_id}.part"
