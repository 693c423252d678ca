"""What the control loop is handed at each tick. Stamps are ROS time, arrivals steady time, all in seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift_control.planning.target import Target
from drift_control.publishers import UNSIGNED, Publisher


@dataclass(frozen=True)
class Now:
    """The two clocks at the tick: ages are measured on the steady one, chunk due times on the ROS one."""

    steady_s: float
    ros_s: float


@dataclass(frozen=True)
class JointMessage:
    """One message about some joints, of this robot or of others."""

    names: Sequence[str]
    positions: Sequence[float]  # [rad] or [m]
    stamp_s: float
    arrival_s: float
    publisher: Publisher = UNSIGNED


@dataclass(frozen=True)
class JointReading:
    """Measured state of all joints, merged by name."""

    positions_rad: NDArray[np.float64]  # (J,) in the robot's joint order
    gripper_m: float  # opening [m]
    stamp_s: float  # of the arm's oldest joint
    arrival_s: float  # likewise
    gripper_arrival_s: float | None = None  # of the gripper's oldest joint; None: came with the arm


@dataclass(frozen=True)
class JoyReading:
    """One message of a joystick."""

    axes: tuple[float, ...]
    buttons: tuple[int, ...]
    stamp_s: float
    arrival_s: float
    publisher: Publisher = UNSIGNED
    beside: tuple[Publisher, ...] = ()  # others whose messages came since the tick before, and are older


@dataclass(frozen=True)
class PoseReading:
    """One message of a thing that a person carries: a VR controller, a phone."""

    position_m: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]  # x y z w
    frame_id: str  # in which both are
    stamp_s: float
    arrival_s: float
    publisher: Publisher = UNSIGNED
    beside: tuple[Publisher, ...] = ()  # as of a JoyReading


@dataclass(frozen=True)
class LeaderReading:
    """One message of a leader arm."""

    names: tuple[str, ...]
    positions: tuple[float, ...]  # [rad]; of its hand in units of its own
    stamp_s: float
    arrival_s: float
    publisher: Publisher = UNSIGNED
    beside: tuple[Publisher, ...] = ()  # as of a JoyReading


LeadReading = PoseReading | LeaderReading


@dataclass(frozen=True)
class Chunk:
    """Set-points from the policy; step i is to be reached at stamp_s + (i + 1) * dt_s."""

    id: int
    epoch: int
    stamp_s: float
    dt_s: float
    data: NDArray[np.float64]  # (T, A)
    action_space: str  # "tcp_pose" or "joint_position"
    policy_version: int
    oldest_input_s: float
    arrival_s: float


@dataclass(frozen=True)
class ArmState:
    """What the arm's own controller says about itself."""

    ready: bool  # it executes position commands
    protective_stop: bool  # it has stopped by itself
    speed_scale: float  # 0..1, its speed slider
    arrival_s: float
    trouble: str = ""  # why it is not ready, in words, where it says more than that


@dataclass(frozen=True)
class PlanAnswer:
    """What a planner says to a question of the control loop."""

    id: int  # of the question
    points: NDArray[np.float64] | None  # (P, J) [rad] from start to goal; None: there is no way
    text: str = ""  # why


@dataclass(frozen=True)
class ChunkVerdict:
    """What a planner says about a chunk that it was shown."""

    id: int  # of the chunk
    epoch: int
    objection: str  # what it would touch; empty: nothing


@dataclass(frozen=True)
class GuideReport:
    """What the controller manager says of an arm that can be guided by hand."""

    driven: bool  # the controller that the gate commands is active
    guided: bool  # that of hand guiding is
    objection: str = ""  # why it cannot be asked to switch to that; empty: it can


@dataclass(frozen=True)
class SwitchAnswer:
    """What the controller manager says to a question of the control loop."""

    id: int  # of the question
    refusal: str = ""  # why it has not switched; empty: it has


@dataclass(frozen=True)
class Requests:
    """Requests collected since the last tick, as levels: true if asked at least once."""

    stop: bool = False
    arm: bool = False
    home: bool = False
    target: Target | None = None  # of the homing; None: home
    release_home: bool = False  # cancel a running homing
    shutdown: bool = False


@dataclass(frozen=True)
class Inputs:
    """Newest item of each kind; the same item may be handed in again at the next tick."""

    joints: JointReading | None = None
    joys: Mapping[str, JoyReading] = field(
        default_factory=dict
    )  # by topic; a device that has gone is left out
    chunk: Chunk | None = None
    requests: Requests = field(default_factory=Requests)
    arm_state: ArmState | None = None  # None: the arm has no such source
    joints_trouble: str = ""  # joints that are missing, each with the reason
    conflict: str = ""  # what comes from two publishers, and from which
    plan: PlanAnswer | None = None
    chunk_verdict: ChunkVerdict | None = None
    controller_trouble: str = ""  # why the arm's controller executes nothing; empty: it does, or nobody tells
    leads: Mapping[str, LeadReading] = field(default_factory=dict)  # by topic of the buttons beside them
    guide: GuideReport | None = None  # None: the arm cannot be guided by hand, or nobody tells
    switch_answer: SwitchAnswer | None = None
