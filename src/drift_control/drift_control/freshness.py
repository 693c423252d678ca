"""Ages on the steady clock, and jumps of the ROS clock."""

import math

from drift_control.inputs import Now

BACKWARD_TOLERANCE_S = 1e-4  # rounding of stamps
AHEAD_MAX_S = 0.03  # a stamp further ahead of the clock is not believed; machines with NTP differ by a few ms


def ahead(stamp_s: float, ros_s: float) -> str:
    """Return why a stamp cannot be true at ROS time `ros_s`; empty if it can."""
    if stamp_s <= ros_s + AHEAD_MAX_S:
        return ""
    return f"the stamp is {stamp_s - ros_s:.2f} s ahead of the clock, allowed: {AHEAD_MAX_S} s"


def picture_ahead(stamp_s: float, latency_s: float, ros_s: float) -> str:
    """Return why the stamp of a picture cannot be true; `latency_s`: of its camera. Empty if it can."""
    objection = ahead(stamp_s - latency_s, ros_s)
    return f"{objection}, with latency_s={latency_s} of the camera" if objection else ""


class Freshness:
    """Age of the newest item of one kind; an item counts only if its stamp has advanced.

    After a silence of `timeout_s` a stamp that has gone back counts, too: the source's clock was set back, or
    an earlier stamp lay in the future. One that stands still never does.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._stamp_s = -math.inf
        self._arrival_s = -math.inf

    def update(self, stamp_s: float, arrival_s: float) -> bool:
        """Take note of an item; return True if it is news. The same item may be handed in again."""
        if not (math.isfinite(stamp_s) and math.isfinite(arrival_s)) or arrival_s <= self._arrival_s:
            return False
        silent = arrival_s - self._arrival_s > self._timeout_s
        if stamp_s == self._stamp_s or (stamp_s < self._stamp_s and not silent):
            return False
        self._stamp_s, self._arrival_s = stamp_s, arrival_s
        return True

    def age_s(self, now: Now) -> float:
        """Return the steady time since the newest item arrived [s]; infinite before the first."""
        return max(0.0, now.steady_s - self._arrival_s)

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._stamp_s = -math.inf


class ClockWatch:
    """Notice that ROS time went back, or ran ahead of the steady clock by more than a step."""

    def __init__(self, jump_s: float) -> None:
        self._jump_s = jump_s
        self._last: Now | None = None

    def check(self, now: Now) -> float | None:
        """Return the size of a jump since the last tick [s] (negative: back), or None."""
        last, self._last = self._last, now
        if last is None:
            return None
        ros_s, steady_s = now.ros_s - last.ros_s, now.steady_s - last.steady_s
        if ros_s < -BACKWARD_TOLERANCE_S or ros_s - steady_s > self._jump_s:
            return ros_s
        return None
