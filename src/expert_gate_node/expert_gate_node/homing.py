"""What a home request has come to."""

from dataclasses import dataclass
from enum import Enum, auto

from drift_control.gate.state import Reason, State

_THERE_RAD = 0.01  # the commanded pose counts as the target's within this


class Homed(Enum):
    """How a home request ended."""

    DONE = auto()
    REFUSED = auto()
    INTERRUPTED = auto()
    TIMEOUT = auto()
    NO_WAY = auto()


@dataclass
class HomingWatch:
    """Follow one request over the ticks after it."""

    limit_s: float
    started_s: float
    moving: bool = False

    def update(self, state: State, reason: Reason, distance_rad: float, now_s: float) -> Homed | None:
        """Return how the request ended, None while it is under way; `distance_rad` is negative if unknown."""
        if state == State.HOMING:
            self.moving = True
            return None
        if not self.moving:
            return Homed.REFUSED
        if state == State.HOLD and 0.0 <= distance_rad < _THERE_RAD:
            return Homed.DONE
        if reason == Reason.NO_WAY:
            return Homed.NO_WAY
        return Homed.TIMEOUT if now_s - self.started_s >= self.limit_s else Homed.INTERRUPTED
