"""The way of the TCP that a policy has in mind, and the one that the arm has gone."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from drift_control.robot.robot import Robot
from drift_core.episodes import StepSource


@dataclass(frozen=True, eq=False)
class PlannedPath:
    """A chunk as a way through the cell; step i is due at stamp_s + (i + 1) dt_s."""

    points_m: np.ndarray  # (T, 3) TCP in the base frame
    opening_m: np.ndarray  # (T,) of the hand
    stamp_s: float
    dt_s: float

    def left(self, now_s: float) -> np.ndarray:
        """Return which of its steps (T,) are still to come at `now_s`, as booleans."""
        due_s = self.stamp_s + self.dt_s * np.arange(1, len(self.points_m) + 1)
        return due_s > now_s


def planned_path(
    robot: Robot, data: np.ndarray, action_space: str, stamp_s: float, dt_s: float
) -> PlannedPath | None:
    """Return the way of a chunk's set-points (T, A); None where they are not of this arm, or not finite."""
    widths = {"tcp_pose": 10, "joint_position": robot.n_joints + 1}
    if data.ndim != 2 or data.shape[1] != widths.get(action_space) or not np.isfinite(data).all():
        return None
    points = data[:, :3] if action_space == "tcp_pose" else np.array([tcp(robot, q) for q in data])
    return PlannedPath(points, data[:, -1], stamp_s, dt_s)


def tcp(robot: Robot, joints_and_opening: np.ndarray) -> np.ndarray:
    """Return the TCP (3,) [m] in the base frame at joints [rad] and opening [m], (J + 1,)."""
    return robot.tcp_position(joints_and_opening[:-1])


class Trail:
    """Where the TCP has been lately, and who drove it there."""

    def __init__(self, length_s: float = 2.0) -> None:
        self._length_s = length_s
        self._points: deque[tuple[float, np.ndarray, StepSource]] = deque()

    def add(self, stamp_s: float, point_m: np.ndarray, source: StepSource) -> None:
        """Take note of the TCP (3,) [m] at `stamp_s`; a clock that was set back begins anew."""
        if self._points and stamp_s < self._points[-1][0]:
            self._points.clear()
        self._points.append((stamp_s, point_m, source))
        while stamp_s - self._points[0][0] > self._length_s:
            self._points.popleft()

    def parts(self) -> list[tuple[StepSource, np.ndarray]]:
        """Return its parts by driver, the oldest first: points (N, 3); each begins where the last ended."""
        parts: list[tuple[StepSource, list[np.ndarray]]] = []
        before: list[np.ndarray] = []
        for _, point, source in self._points:
            if not parts or parts[-1][0] is not source:
                parts.append((source, before[-1:]))
            parts[-1][1].append(point)
            before = parts[-1][1]
        return [(source, np.array(points)) for source, points in parts]
