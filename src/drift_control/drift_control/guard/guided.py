"""Rules for an arm that a person guides by hand: they cannot brake it, but end the guiding."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from drift_control.gate.state import Reason
from drift_control.guard.motion_rules import place_rules
from drift_control.guard.path import ArmPath
from drift_control.guard.verdict import GuardVerdict, Reaction
from drift_control.robot.collision import CapsuleModel
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

if TYPE_CHECKING:
    from drift_control.guard.watch import Situation


class GuidedInside:
    """The measured arm keeps to every place where the guard would let it be commanded.

    An arm that was outside of one already, or was led there before, may be led back, and no further out.
    """

    SLACK = 0.002  # [m] or [rad]: twice what counts as motion

    def __init__(self, robot: Robot) -> None:
        self._robot, self._capsules, self._rules = robot, CapsuleModel(robot), place_rules(robot)
        self._allowed: list[Array] | None = None  # by how much it breaks each limit of each rule

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.guided:
            self._allowed = None
        if not at.guided or at.measured is None:
            return None
        path = ArmPath(self._robot, self._capsules, at.measured[None])
        excess = [np.maximum(rule.excess(path)[0], 0.0) for rule in self._rules]
        before = excess if self._allowed is None else self._allowed
        self._allowed = [np.minimum(old, new) for old, new in zip(before, excess, strict=True)]
        for rule, old, new in zip(self._rules, before, excess, strict=True):
            if (new > old + self.SLACK).any():
                reason = rule.verdict.reason or Reason.OUT_OF_WORKSPACE
                return GuardVerdict(Reaction.HOLD, reason, f"guided by hand too far: {rule.verdict.text}")
        return None


class GuidedSlowly:
    """TCP and joints are led no faster than they may be commanded, on the average over `WINDOW_S`."""

    WINDOW_S = 0.1  # shorter, and the noise of an encoder would be a speed

    def __init__(self, robot: Robot) -> None:
        self._velocity_rad_s, self._tcp_m_s = robot.velocity, robot.config.tcp_speed_max_m_s
        # arrival, stamp, joints and TCP of each reading in the window
        self._seen: deque[tuple[float, float, Array, Array]] = deque()

    def check(self, at: Situation) -> GuardVerdict | None:
        if not at.guided:
            self._seen.clear()
        if not at.guided or at.measured is None or at.measured_tcp is None:
            return None
        arrival_s = at.now.steady_s - at.joints_age_s
        if self._seen and arrival_s <= self._seen[-1][0]:
            return None  # nothing new has been measured
        self._seen.append((arrival_s, at.joints_stamp_s, at.measured, at.measured_tcp))
        while len(self._seen) > 2 and arrival_s - self._seen[1][0] >= self.WINDOW_S:
            self._seen.popleft()
        first_s, first_stamp_s, q, tcp = self._seen[0]
        passed_s = max(arrival_s - first_s, at.joints_stamp_s - first_stamp_s)
        if passed_s < self.WINDOW_S:
            return None
        speed_m_s = float(np.linalg.norm(at.measured_tcp - tcp)) / passed_s
        if speed_m_s > self._tcp_m_s:
            text = f"the TCP was guided at {speed_m_s:.2f} m/s, allowed: {self._tcp_m_s}"
            return GuardVerdict(Reaction.HOLD, Reason.TOO_FAST, text)
        speed = np.abs(at.measured - q) / passed_s
        worst = int((speed - self._velocity_rad_s).argmax())
        allowed = self._velocity_rad_s[worst]
        if speed[worst] <= allowed:
            return None
        text = f"joint {worst} was guided at {speed[worst]:.2f} rad/s, allowed: {allowed:.2f}"
        return GuardVerdict(Reaction.HOLD, Reason.TOO_FAST, text)
