"""What the arm keeps clear of: the guard's own rules, asked of poses and of straight lines in joint space.

Between two samples of a line no point of the arm moves by more than STEP_M, so each point of the line is
within half of that of a sample. A line whose samples keep MARGIN_M is free in between, too, and leaves the
difference to the arm that follows it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_control.guard.motion_rules import place_rules
from drift_control.guard.path import ArmPath
from drift_control.robot.collision import CapsuleModel
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

Truths = NDArray[np.bool_]

STEP_M = 0.02  # between samples, of any point of the arm
MARGIN_M = 0.02  # to everything: half a step, and as much for a command that rounds a corner

ROUNDING = 1e-9


@dataclass(frozen=True)
class Objection:
    """The first pose that breaks a rule, and which."""

    index: int
    text: str


class Scene:
    """One arm in its cell, as its file describes it: limits, workspace, table, keep-out boxes, itself."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
        self._rules = place_rules(robot)
        self._capsules = CapsuleModel(robot)
        self._reach_m = _reach_m(robot)

    def excess(self, q: Array) -> Array:
        """Return by how much poses (N, J) [rad] break each of all limits, (N, K); up to zero: not at all."""
        return np.concatenate(self._of_each_rule(q), axis=1)

    def margins(self, *ends: Array) -> Array:
        """Return what excess is allowed, (K,): MARGIN_M is kept, or as much as is kept at the ends (J,)."""
        return np.minimum(self.excess(np.array(ends)).max(axis=0).clip(-MARGIN_M), 0.0)

    def free(self, q: Array, allowed: Array) -> Truths:
        """Return which of the poses (N, J) break no limit by more than is allowed (K,)."""
        return np.asarray((self.excess(q) <= allowed + ROUNDING).all(axis=1))

    def line(self, start: Array, end: Array) -> Array:
        """Return samples (N, J) of a straight line in joint space, both ends included, N >= 2."""
        way_m = float(np.abs(end - start) @ self._reach_m)
        shares = np.linspace(0.0, 1.0, 1 + max(1, int(np.ceil(way_m / STEP_M))))
        return start + shares[:, None] * (end - start)

    def line_free(self, start: Array, end: Array, allowed: Array) -> bool:
        """Return whether every sample of a straight line keeps what is allowed (K,)."""
        samples = self.line(start, end)
        coarse = samples[:: max(1, len(samples) // 8)]
        return bool(self.free(coarse, allowed).all() and self.free(samples, allowed).all())

    def objection(self, q: Array) -> Objection | None:
        """Return the first of the poses (N, J) that breaks a rule; None: none does."""
        return self._first(q, [excess > ROUNDING for excess in self._of_each_rule(q)])

    def way_objection(self, points: Array) -> Objection | None:
        """Return where straight lines through points (P, J) break a rule, by the index of the line.

        As for the guard, an arm that breaks one already may go on as long as it does not get worse.
        """
        for index, (start, end) in enumerate(zip(points[:-1], points[1:], strict=True)):
            samples = self.line(start, end)
            worse = [
                excess[1:] > np.maximum(excess[:-1], 0.0) + ROUNDING for excess in self._of_each_rule(samples)
            ]
            if (found := self._first(samples[1:], worse)) is not None:
                return Objection(index, found.text)
        return None

    def _of_each_rule(self, q: Array) -> list[Array]:
        path = ArmPath(self.robot, self._capsules, q)
        return [rule.excess(path) for rule in self._rules]

    def _first(self, q: Array, broken: list[Truths]) -> Objection | None:
        """`broken`: for each rule, (N, K) for poses (N, J)."""
        at = np.array([rule.any(axis=1) for rule in broken])  # (rules, N)
        if not at.any():
            return None
        index = int(at.any(axis=0).argmax())
        rule = self._rules[int(at[:, index].argmax())]
        tcp = self.robot.forward(q[index]).position.round(3).tolist()
        return Objection(index, f"{rule.verdict.text} with the TCP at {tcp}")


def _reach_m(robot: Robot) -> Array:
    """Return for each joint (J,) how far from its axis any point that it moves can be [m]."""
    n = robot.n_joints
    farthest = np.zeros(n + 1)  # from the origin of frame i + 1; the last is the hand's mount
    farthest[n] = np.linalg.norm(robot.tool[:3, 3] - robot.mount[:3, 3])
    for capsule in robot.capsules:
        if capsule.frame > 0:
            ends = np.linalg.norm((capsule.start_m, capsule.end_m), axis=1).max()
            at = capsule.frame - 1
            farthest[at] = max(farthest[at], ends + capsule.radius_m)
    steps = [*(robot.arm.before[i, :3, 3] for i in range(1, n)), robot.mount[:3, 3]]
    for i in range(n - 1, -1, -1):
        farthest[i] = max(farthest[i], np.linalg.norm(steps[i]) + farthest[i + 1])
    return farthest[:n]
