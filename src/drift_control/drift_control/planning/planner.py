"""What a planner is asked. Each is a file: of `planners/`, or in `ros/` of the node that runs it."""

from typing import Protocol

from drift_config.errors import DriftError

from drift_control.planning.scene import Objection
from drift_control.robot.pose import Array


class NoWay(DriftError):
    """There is no plan; the text says why, and what to do where that is known."""


class Planner(Protocol):
    """Find ways through a scene. Calls may take as long as their limit: not for a control loop."""

    def way(self, start: Array, goal: Array, limit_s: float) -> Array:
        """Return points (P, J) [rad] from `start` to `goal` (J,), free on straight lines in joint space.

        Raises NoWay, at the latest after about `limit_s`.
        """

    def objection(self, q: Array, limit_s: float) -> Objection | None:
        """Return the first of the poses (N, J) [rad] that touches something; None: none does.

        Raises NoWay where the planner cannot tell within `limit_s`.
        """

    def close(self) -> None:
        """Let go of what it holds: threads, other processes."""
