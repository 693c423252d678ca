"""An arm that stands although it is told to move: its controller has stopped without a word."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from drift_control.gate.state import Reason
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.robot.pose import Array

if TYPE_CHECKING:
    from drift_control.guard.watch import Situation


class MovesWhenTold:
    """A joint that was told to go on moving one way does not stand still.

    It is judged before it is far from its command, so that nothing is left to be executed when the controller
    comes back. Whatever the arm's delay, up to `LAG_S`, it was told at least `TOLD_RAD` within `WINDOW_S`.
    """

    WINDOW_S = 0.06  # in which it stands; shorter, and a driver that repeats a reading would be a fault
    STOOD_RAD = 0.001  # ten times the noise of an encoder
    TOLD_RAD = 0.005  # within the window: 0.08 rad/s
    LAG_S = 0.2  # the slowest arm is 0.14 s behind, a simulated one in Gazebo included

    def __init__(self, dt_s: float) -> None:
        self._window, self._dt_s = max(1, round(self.WINDOW_S / dt_s)), dt_s
        self._told: deque[Array] = deque(maxlen=self._window + round(self.LAG_S / dt_s) + 1)  # one per tick
        self._seen: deque[tuple[float, Array]] = deque()  # arrival and joints of each reading in the window
        self._last_s = float("-inf")  # of the last tick

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.moving or at.measured is None or at.commanded is None or self._has_paused(at.now.steady_s):
            self._told.clear()
            self._seen.clear()
            return None
        self._told.append(at.commanded)
        arrival_s = at.now.steady_s - at.joints_age_s
        if self._seen and arrival_s <= self._seen[-1][0]:
            return None  # nothing new has been measured
        self._seen.append((arrival_s, at.measured))
        full_s = self.WINDOW_S - 0.5 * self._dt_s  # readings come when they come
        while len(self._seen) > 1 and arrival_s - self._seen[1][0] >= full_s:
            self._seen.popleft()
        if len(self._told) < (self._told.maxlen or 0) or arrival_s - self._seen[0][0] < full_s:
            return None
        seen = np.array([q for _, q in self._seen])
        stood = seen.max(axis=0) - seen.min(axis=0) < self.STOOD_RAD
        lately = np.abs(self._told[-1] - self._told[-1 - self._window])
        if not (stood & (lately > self.TOLD_RAD)).any():
            return None  # not told to within the last window
        told = np.array(self._told)
        steps = told[self._window :] - told[: -self._window]
        # the least that it was told within a window, below zero where it was told both ways
        one_way = np.maximum(steps.min(axis=0), -steps.max(axis=0))
        refused = np.flatnonzero(stood & (one_way > self.TOLD_RAD))
        if not len(refused):
            return None
        joint = int(refused[0])
        stood_s, told_rad = arrival_s - self._seen[0][0], abs(told[-1, joint] - told[0, joint])
        text = (
            f"joint {joint} has stood for {stood_s:.2f} s though it was told to move, by {told_rad:.3f} rad: "
            "does the arm's controller execute commands?"
        )
        return GuardVerdict(Reaction.FAULT, Reason.TRACKING_ERROR, text)

    def _has_paused(self, now_s: float) -> bool:
        last_s, self._last_s = self._last_s, now_s
        return now_s - last_s > 3.0 * self._dt_s
