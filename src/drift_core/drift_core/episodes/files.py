"""The files of an episode: names, columns, and writing that survives a power cut.

<id>/episode.json           EpisodeMeta
<id>/steps.parquet          one row per control step
<id>/joints.parquet         one row per joint sample
<id>/camera_<name>.parquet  one row per frame, as PNG
"""

from pathlib import Path
from typing import get_type_hints

import pyarrow as pa

from drift_core.episodes.record import SourceNumber, StepRecord, Vector

META_FILE = "episode.json"
STEPS_FILE = "steps.parquet"
JOINTS_FILE = "joints.parquet"

_VECTOR = pa.list_(pa.float64())
_TYPES = {float: pa.float64(), int: pa.int64(), SourceNumber: pa.uint8(), Vector: _VECTOR}
STEP_COLUMNS = pa.schema(
    [(name, _TYPES[hint]) for name, hint in get_type_hints(StepRecord, include_extras=True).items()]
)
JOINT_COLUMNS = pa.schema(
    [
        ("stamp_s", pa.float64()),
        ("arrival_s", pa.float64()),
        ("positions_rad", _VECTOR),
        ("gripper_m", pa.float64()),
    ]
)
FRAME_COLUMNS = pa.schema([("stamp_s", pa.float64()), ("arrival_s", pa.float64()), ("png", pa.binary())])


def camera_file(name: str) -> str:
    """Return the file name for a camera."""
    return f"camera_{name}.parquet"


def part_folder(root: Path, episode_id: str) -> Path:
    """Return where an open episode is written."""
    return root / f".{episode_id}.part"
