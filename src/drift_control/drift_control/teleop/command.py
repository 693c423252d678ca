"""What a person asks of the arm: a rate of the TCP, a pose of the TCP, or joint positions; and a gripper."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from drift_control.robot.pose import Array, Pose
from drift_control.teleop.panel import Held


@dataclass(frozen=True)
class TcpRate:
    """How fast the TCP is to move: a stick, a key, a SpaceMouse."""

    linear_m_s: Array  # (3,), in `frame`
    angular_rad_s: Array  # (3,), in `frame`
    frame: str  # "base" or "tool"


@dataclass(frozen=True)
class TcpLead:
    """Where a thing is that a person carries; the TCP repeats its motion since enable was pressed."""

    pose: Pose  # of the thing, in the frame of its tracker [m]
    axes: Array  # (3, 3) the tracker's axes in the base (frame "base"), the thing's own in the tool ("tool")
    frame: Literal["base", "tool"]
    scale: float  # metres of the TCP for a metre of the thing; turns are not scaled
    linear_speed_m_s: float  # of the TCP, at most
    angular_speed_rad_s: float


@dataclass(frozen=True)
class JointLead:
    """Where the joints of a leader arm are, in the order, sense and scale of the arm that follows."""

    positions_rad: Array  # (J,); 0 where nobody leads
    led: Array  # (J,) bool; a joint that nobody leads stays where it is when enable is pressed
    start: Literal["clutch", "match"]
    speed_scale: float  # share of the arm's velocity limits, at most
    match_rad: float  # "match": until every joint has once been this near, at most ...
    match_speed_rad_s: float  # ... this fast
    opening: float | None = None  # of the leader's hand, 0 closed to 1 open; None: it has none


@dataclass(frozen=True)
class Guiding:
    """The person wants to guide the arm by hand: it is brought to rest, and let go of."""


Motion = TcpRate | TcpLead | JointLead | Guiding
REST = TcpRate(np.zeros(3), np.zeros(3), "base")


@dataclass(frozen=True)
class TeleopCommand:
    """What the person asks for with one device; nothing moves unless enabled."""

    enabled: bool  # the enable button is held in a sound message
    motion: Motion
    gripper_rate_m_s: float  # positive opens
    marks: frozenset[str]  # of MARKS
    stop: bool
    arm: bool
    problem: str = ""  # why the message was refused, empty if it was not

    @staticmethod
    def of(held: Held, motion: Motion, gripper_rate_m_s: float) -> "TeleopCommand":
        """Return what the buttons of a message and a motion make together."""
        return TeleopCommand(
            held.enabled, motion, gripper_rate_m_s, held.marks, held.stop, held.arm, held.problem
        )
