"""The rolling horizon for a trajectory controller: from where it is now to the command, and on to rest."""

from dataclasses import dataclass

import numpy as np

from drift_control.robot.pose import Array

BEYOND = 1.0  # control periods at full speed after the command, for a message that is late or lost
BRAKING = 1.0  # control periods from there to rest


@dataclass(frozen=True)
class Horizon:
    """Four points; the first is where the controller is when it gets them."""

    due_s: Array  # (4,) from the arrival; the first is 0
    q: Array  # (4, J) [rad]
    v: Array  # (4, J) [rad/s]; the last is 0

    def at(self, time_s: float) -> tuple[Array, Array]:
        """Return position and velocity (J,) `time_s` after the arrival, as a controller interpolates."""
        if time_s >= self.due_s[-1]:
            return self.q[-1], self.v[-1]
        i = int(np.searchsorted(self.due_s, time_s, side="right")) - 1
        length_s = self.due_s[i + 1] - self.due_s[i]
        u = (time_s - self.due_s[i]) / length_s
        slope = (self.q[i + 1] - self.q[i]) / length_s
        start, bend = self.v[i], 3.0 * slope - 2.0 * self.v[i] - self.v[i + 1]
        twist = self.v[i] + self.v[i + 1] - 2.0 * slope
        q = self.q[i] + u * length_s * (start + u * (bend + u * twist))
        return q, start + u * (2.0 * bend + u * 3.0 * twist)


class RollingHorizon:
    """Make a horizon of each command; it replaces the rest of the one before.

    The first point is due at once and lies on the horizon before, where the controller is by now. A
    controller that keeps nothing of the old horizon goes on from there without a step; without such a point
    it would go back to the *measured* pose first, fifty times a second. If nothing follows, the arm goes on
    for one period and comes to rest within another.
    """

    def __init__(self, dt_s: float, low: Array, high: Array) -> None:
        self._dt_s, self._low, self._high = dt_s, low, high  # (J,) [rad]
        self._last: Horizon | None = None
        self._sent_s = 0.0

    def forget(self) -> None:
        """Nothing is sent any more: the arm may be moved by others, and the next horizon begins at rest."""
        self._last = None

    def next(self, q: Array, v: Array, now_s: float) -> Horizon:
        """Return the horizon to send at steady time `now_s`: `q` (J,) [rad] is due a period later, at `v`."""
        if self._last is None:
            v = np.zeros_like(q)
            start, start_v = q, v
        else:
            start, start_v = self._last.at(now_s - self._sent_s)
        low, high = np.minimum(self._low, q), np.maximum(self._high, q)
        ahead = q + BEYOND * self._dt_s * v
        beyond = np.clip(ahead, low, high)
        beyond_v = np.where(beyond == ahead, v, 0.0)
        rest = np.clip(beyond + 0.5 * BRAKING * self._dt_s * beyond_v, low, high)
        due_s = self._dt_s * np.array((0.0, 1.0, 1.0 + BEYOND, 1.0 + BEYOND + BRAKING))
        horizon = Horizon(
            due_s, np.stack((start, q, beyond, rest)), np.stack((start_v, v, beyond_v, 0.0 * v))
        )
        self._last, self._sent_s = horizon, now_s
        return horizon
