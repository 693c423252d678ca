"""What an episode is: its description, the control steps, the joint samples and the camera frames."""

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import fields
from enum import IntEnum
from importlib.metadata import version
from typing import Annotated, Literal

import numpy as np
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.episodes.images import decode
from drift_core.errors import DataError
from drift_core.observation.spec import CameraSpec

SCHEMA: Literal[3] = 3  # of the files of an episode
SCHEMAS = (1, 2, 3)  # that can be read
WANTED = 3  # the first one that keeps what the policy wanted
GUARD_HOLD = 64  # Step.GUARD_HOLD: the guard made the arm decelerate or hold

EpisodeKind = Literal["demonstration", "intervention", "evaluation"]
OutcomeName = Literal["success", "failure", "unknown"]
Vector = np.ndarray | None  # None or empty where it was never known
Matrix = Annotated[np.ndarray, "matrix"]  # (0, 0) where there is none


class StepSource(IntEnum):
    """Whose command a control step executed; the values of Step.SOURCE_*."""

    HOLD = 0
    POLICY = 1
    EXPERT = 2
    HOMING = 3


SourceNumber = Annotated[int, StepSource]


@dataclass(frozen=True, config=STRICT)
class StoredFile:
    """A file as it was when the episode was finished."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.(arrow|parquet)$")]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=STRICT)
class EpisodeMeta:
    """What episode.json says; the second half is filled in when the episode is closed."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    robot: str
    task: str
    seed: int  # of the simulated task, 0 on a real arm
    kind: EpisodeKind
    cameras: tuple[CameraSpec, ...]
    dt_s: Annotated[float, Field(gt=0)]  # policy step
    started_s: float  # ROS time
    outcome: OutcomeName = "unknown"
    score: Annotated[float, Field(ge=0, le=1)] | None = None  # how well it went; None: nobody said
    duration_s: float = 0.0  # from the first to the last control step
    policy_versions: tuple[int, ...] = ()  # that drove a step
    steps: int = 0  # control steps
    expert_steps: int = 0  # control steps driven by the expert
    interventions: int = 0  # take-overs by the expert; a demonstration counts as one
    drift_version: str = version("drift_core")
    schema: Literal[1, 2, 3] = SCHEMA  # type: ignore[assignment]
    files: tuple[StoredFile, ...] = ()  # none in schema 1
    repaired: str = ""  # what drift data repair has mended; empty: nothing, it is as it was recorded
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0  # how often its windows are drawn
    rewarded: bool = False  # there are rewards, of an environment that gives one for each of its steps

    @property
    def credit(self) -> float | None:
        """How well it went, in [0, 1]: its score, else 1 for a success and 0 for a failure; None: unknown."""
        if self.score is not None:
            return self.score
        return None if self.outcome == "unknown" else float(self.outcome == "success")


@plain_dataclass(frozen=True, slots=True, eq=False)
class StepRecord:
    """One control step: what the arm was told and by whom.

    Its fields are the columns of steps.arrow, in this order. A tick of the gate and the message Step have
    them under the same names.
    """

    stamp_s: float  # when the command was due
    seq: int  # counts up by one each control tick
    source: SourceNumber
    epoch: int
    intervention_id: int  # of the current take-over when source is EXPERT, else of the last one
    chunk_id: int
    policy_version: int
    chunk_age_s: float  # -1: no chunk
    commanded: Vector  # (J + 1,) joint positions [rad], gripper opening [m]
    measured: Vector  # (J + 1,) the same, measured
    action: Vector  # (A,) the guarded command as action
    guard_flags: int  # Step.GUARD_*
    proposed_chunk_id: int = 0  # of the chunk that says what the policy wanted, whoever drove; 0: nothing
    proposed: Vector = None  # (A,) what the policy wanted then, before the guard, in its action space

    @classmethod
    def of(cls, step: object) -> "StepRecord":
        """Return the record of something that has these fields, like a tick of the gate."""
        return cls(**{field.name: getattr(step, field.name) for field in fields(cls)})


@plain_dataclass(frozen=True, slots=True, eq=False)
class ChunkRecord:
    """One chunk of the policy as it was made, whether it was executed or not; step i is due at
    stamp_s + (i + 1) dt_s.

    Its fields are the columns of chunks.arrow, in this order.
    """

    id: int  # counts up within one run of the policy
    epoch: int  # of the gate, when its observation was assembled
    stamp_s: float  # of its observation, t_ref
    arrival_s: float
    dt_s: float
    action_space: str  # "tcp_pose", "joint_position" or "point"
    policy_version: int
    oldest_input_s: float  # stamp of the oldest sample that its observation shows
    inference_ms: float
    sampler: str  # "ddim-8"; empty: nobody said
    seed: int  # of the noise from which all chunks of a run are drawn, one after the other
    data: Matrix  # (T, A) raw set-points
    latent: Matrix  # (horizon, A) the noise that it began from, normalised; (0, 0): it began from a draft


@plain_dataclass(frozen=True, eq=False)
class Chunks:
    """K chunks in columns, those of ChunkRecord, in the order of arrival; matrices come when asked."""

    id: np.ndarray  # (K,) int64
    epoch: np.ndarray  # (K,)
    stamp_s: np.ndarray  # (K,)
    arrival_s: np.ndarray  # (K,)
    dt_s: np.ndarray  # (K,)
    action_space: np.ndarray  # (K,) texts
    policy_version: np.ndarray  # (K,)
    oldest_input_s: np.ndarray  # (K,)
    inference_ms: np.ndarray  # (K,)
    sampler: np.ndarray  # (K,) texts
    seed: np.ndarray  # (K,)
    data: Sequence[np.ndarray]  # (K,) of (T, A)
    latent: Sequence[np.ndarray]  # (K,) of (horizon, A)

    def __len__(self) -> int:
        return len(self.stamp_s)


@plain_dataclass(frozen=True, eq=False)
class Steps:
    """N control steps in columns, those of StepRecord, in the order of arrival; unknown rows are NaN."""

    stamp_s: np.ndarray  # (N,)
    seq: np.ndarray  # (N,) int64
    source: np.ndarray  # (N,)
    epoch: np.ndarray  # (N,)
    intervention_id: np.ndarray  # (N,)
    chunk_id: np.ndarray  # (N,)
    policy_version: np.ndarray  # (N,)
    chunk_age_s: np.ndarray  # (N,)
    commanded: np.ndarray  # (N, J + 1)
    measured: np.ndarray  # (N, J + 1)
    action: np.ndarray  # (N, A)
    guard_flags: np.ndarray  # (N,)
    proposed_chunk_id: np.ndarray  # (N,)
    proposed: np.ndarray  # (N, A); (N, 0) in episodes of before, and where no policy ran

    def __len__(self) -> int:
        return len(self.stamp_s)


@plain_dataclass(frozen=True, eq=False)
class Joints:
    """M joint samples in the order of arrival."""

    stamp_s: np.ndarray  # (M,)
    arrival_s: np.ndarray  # (M,)
    positions_rad: np.ndarray  # (M, J)
    gripper_m: np.ndarray  # (M,)

    def __len__(self) -> int:
        return len(self.stamp_s)


@plain_dataclass(frozen=True, eq=False)
class Rewards:
    """What an environment gave for each of its steps, in their order and in its own units."""

    stamp_s: np.ndarray  # (N,) when the step was over
    reward: np.ndarray  # (N,)

    def __len__(self) -> int:
        return len(self.stamp_s)


@plain_dataclass(frozen=True, eq=False)
class Frames:
    """The frames of one camera in the order of arrival, decoded when asked for."""

    stamp_s: np.ndarray  # (K,)
    arrival_s: np.ndarray  # (K,)
    encoded: Sequence[bytes | memoryview]  # (K,)
    encoding: Sequence[str]  # (K,) png or jpeg
    file: str = ""  # in which they are, for what is said of a broken one

    def __len__(self) -> int:
        return len(self.stamp_s)

    def image(self, index: int) -> np.ndarray:
        """Decode one frame to (H, W, 3) uint8 RGB; DataError names file and frame."""
        try:
            return decode(self.encoded[index], self.encoding[index])
        except DataError as error:
            raise DataError(f"{self.file}: frame stamped {self.stamp_s[index]:.6f}: {error}") from error

    def images(self) -> np.ndarray:
        """Decode all frames to (K, H, W, 3) uint8 RGB, K > 0; DataError where their sizes differ."""
        images = [self.image(index) for index in range(len(self))]
        if sizes := {image.shape for image in images[1:]} - {images[0].shape}:
            raise DataError(f"{self.file}: images are {images[0].shape} and {', '.join(map(str, sizes))}")
        return np.stack(images)

    def chosen(self, rows: np.ndarray) -> "Frames":
        """Return the frames `rows` (M,), encoded as they are."""
        return Frames(
            self.stamp_s[rows],
            self.arrival_s[rows],
            [self.encoded[row] for row in rows.tolist()],
            [self.encoding[row] for row in rows.tolist()],
            self.file,
        )


@plain_dataclass(frozen=True, eq=False)
class Episode:
    """A finished episode."""

    meta: EpisodeMeta
    steps: Steps
    joints: Joints
    frames: dict[str, Frames]  # by camera
    chunks: Chunks | None = None  # all that the policy made meanwhile; None: they were not recorded by then
    rewards: Rewards | None = None  # None: nobody gave any, or they were not recorded by then
