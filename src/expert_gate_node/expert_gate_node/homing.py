"""What a home request has come to."""

from dataclasses import dataclass
from enum import Enum, auto

from drift_control.gate.state import State

_AT_HOME_RAD = 0.01  # the commanded pose counts as home within this


class Homed(Enum):
    """How a home request ended."""

    DONE = auto()
    REFUSED = auto()
    INTERRUPTED = auto()
    TIMEOUT = auto()


@dataclass
class HomingWatch:
    """Follow one request over the ticks after it."""

    limit_s: float
    started_s: float
    moving: bool = False

    def update(self, state: State, distance_rad: float, now_s: float) -> Homed | None:
        """Return how the request ended, None while it is under way; `distance_rad` is negative if unknown."""
        if state == State.HOMING:
            self.moving = True
            return None
        if not self.moving:
            return Homed.REFUSED
        if state == State.HOLD and 0.0 <= distance_rad < _AT_HOME_RAD:
            return Homed.DONE
        return Homed.TIMEOUT if now_s - self.started_s >= self.limit_s else Homed.INTERRUPTED
