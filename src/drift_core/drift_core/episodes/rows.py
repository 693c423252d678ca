"""From samples to rows of the tables of an episode; what does not fit is refused by name."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from drift_core.episodes.files import (
    CHUNK_COLUMNS,
    CHUNKS,
    JOINTS,
    REWARDS,
    STEP_COLUMNS,
    STEPS,
    camera_table,
)
from drift_core.episodes.images import ImageEncoding, Picture
from drift_core.episodes.record import ChunkRecord, EpisodeMeta, StepRecord
from drift_core.errors import DataError, ShapeError

_STEP_NAMES, _CHUNK_NAMES = STEP_COLUMNS.names, CHUNK_COLUMNS.names
_INT64_MAX = 2**63 - 1  # of the columns of control steps
_ROW_BYTES = 500  # about what a control step or a joint sample takes, or a chunk beside its numbers
_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A sample as the columns of its table have it; of a frame the last one is a Picture."""

    table: str
    values: tuple[Any, ...]
    numbers: int = 0  # of its matrices

    @property
    def picture(self) -> Picture | None:
        """Return what is to be encoded; None where it is no frame."""
        last = self.values[-1]
        return last if isinstance(last, Picture) else None

    @property
    def size_bytes(self) -> int:
        """Return about what it takes on the disk."""
        return self._numbers_bytes if self.picture is None else self.picture.size_bytes

    @property
    def memory_bytes(self) -> int:
        """Return about what it takes in memory, until it is written."""
        return self._numbers_bytes if self.picture is None else self.picture.memory_bytes

    @property
    def _numbers_bytes(self) -> int:
        return _ROW_BYTES + _NUMBER_BYTES * self.numbers


class Rows:
    """Make rows of what is recorded into one episode."""

    def __init__(self, meta: EpisodeMeta, encoding: ImageEncoding) -> None:
        self._cameras = {camera.name: camera for camera in meta.cameras}
        self._rewarded = meta.rewarded
        self._encoding = encoding
        self._newest: dict[str, Picture] = {}  # by camera

    def step(self, step: StepRecord) -> Row:
        """Take one control step."""
        return Row(STEPS, tuple(_cell(name, _vector(name, getattr(step, name))) for name in _STEP_NAMES))

    def chunk(self, chunk: ChunkRecord) -> Row:
        """Take one chunk of the policy."""
        for name, least in (("data", 1), ("latent", 0)):
            shape = getattr(chunk, name).shape
            if len(shape) != 2 or shape[0] < least:
                raise ShapeError(
                    f"chunk {chunk.id}: {name} must have two axes, {least} steps at least, is {shape}"
                )
        values = tuple(_cell(name, getattr(chunk, name), "chunk") for name in _CHUNK_NAMES)
        return Row(CHUNKS, values, chunk.data.size + chunk.latent.size)

    def joints(self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float) -> Row:
        """Take one joint sample (J,), as it arrived."""
        positions = np.asarray(positions_rad)
        if positions.ndim != 1:
            raise ShapeError(f"joints: positions_rad must be (J,), got {positions.shape}")
        return Row(JOINTS, (stamp_s, arrival_s, positions.tolist(), float(gripper_m)))

    def reward(self, reward: float, stamp_s: float) -> Row:
        """Take what a step of the environment earned that was over at `stamp_s`."""
        if not self._rewarded:
            raise DataError(f"reward={reward}: an episode that has rewards must begin as rewarded")
        if not math.isfinite(reward):
            raise DataError(f"reward={reward} at {stamp_s:.3f} s must be finite")
        return Row(REWARDS, (stamp_s, float(reward)))

    def frame(self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float) -> Row:
        """Take one (H, W, 3) uint8 RGB image, as it arrived; it is encoded when it is written."""
        spec = self._cameras.get(camera)
        if spec is None:
            raise DataError(f"camera={camera!r} is unknown; allowed: {', '.join(self._cameras) or 'none'}")
        if image.shape != (spec.height, spec.width, 3) or image.dtype != np.uint8:
            raise ShapeError(
                f"camera {camera}: image must be ({spec.height}, {spec.width}, 3) uint8, "
                f"got {image.shape} {image.dtype}"
            )
        before = self._newest.get(camera)
        picture = Picture(image, self._encoding, image.nbytes if before is None else before.size_bytes)
        self._newest[camera] = picture
        return Row(camera_table(camera), (stamp_s, arrival_s, picture.format, picture))


def _vector(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise ShapeError(f"step: {name} must be a vector, got {value.shape}")
    return value


def _cell(name: str, value: Any, of: str = "step") -> Any:
    """Return a field of a record as it is stored."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if not isinstance(value, int):
        return value
    if not -_INT64_MAX <= value <= _INT64_MAX:
        raise DataError(f"{of}: {name}={value} must be at most {_INT64_MAX}")
    return int(value)  # not an enum
