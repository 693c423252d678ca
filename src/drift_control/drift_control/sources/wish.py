"""What a source of motion is asked once per tick, and what it answers."""

from dataclasses import dataclass
from typing import Protocol

from drift_control.commanded import CommandedArm
from drift_control.gate.state import GuardFlag
from drift_control.inputs import Now
from drift_control.robot.pose import Array
from drift_control.teleop.command import TeleopCommand


@dataclass(frozen=True)
class MotionRequest:
    """What a source wants of this tick."""

    velocity: Array  # (J,) [rad/s], not yet limited
    gripper_m: float
    flags: GuardFlag = GuardFlag.NONE
    problem: str = ""  # why the set-point cannot be reached
    reference: Array | None = None  # (J,) [rad] that is asked for, before any rule of the guard


class MotionSource(Protocol):
    """One who leads the arm while the gate is in one of its states."""

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Take charge of the arm."""

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what is wanted one tick from `now`, or None: the arm brakes."""
