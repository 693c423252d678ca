"""A stand-in for joint_trajectory_controller/JointTrajectoryController with a position command interface."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from drift_control.robot.pose import Array


@dataclass(frozen=True)
class Trajectory:
    """A trajectory_msgs/JointTrajectory: N points of J joints."""

    joint_names: tuple[str, ...]
    due_s: Array  # (N,) after the start
    positions_rad: Array  # (N, J)
    velocities_rad_s: Array | None = None  # (N, J)
    stamp_s: float = 0.0  # of the start; 0: at the controller's next update

    @property
    def finite(self) -> bool:
        """Every position and velocity is a number; the controller does not ask."""
        velocities = 0.0 if self.velocities_rad_s is None else self.velocities_rad_s
        return bool(np.isfinite(self.positions_rad).all() and np.isfinite(velocities).all())


@dataclass(frozen=True)
class Point:
    """Where the joints are, or shall be, at one time."""

    time_s: float
    q: Array  # (J,) [rad]
    v: Array | None  # (J,) [rad/s]


class JointTrajectoryController:
    """Replace one trajectory by the next, interpolate, and hold where the arm is when it does not follow.

    The controller keeps nothing of the trajectory before. To a first point that lies ahead it leads from the
    *measured* state, or, with `interpolate_from_desired_state`, from its own last command. It looks at no
    value: what is not finite goes to the hardware.
    """

    def __init__(
        self,
        joint_names: Sequence[str],
        period_s: float,
        *,
        interpolate_from_desired_state: bool = False,
        state_tolerance_rad: float = 0.0,  # constraints.<joint>.trajectory; 0: none
    ) -> None:
        self._names, self._period_s = tuple(joint_names), period_s
        self._from_desired, self._tolerance_rad = interpolate_from_desired_state, state_tolerance_rad
        self.speed_scaling = 1.0  # 0..1, of the arm's slider
        self.active = False
        self.holds = False  # after a violated tolerance, until the next trajectory
        self._points: list[Point] = []
        self._pending: Trajectory | None = None
        self._command: Point | None = None  # the last one
        self._time_s = 0.0

    def activate(self, now_s: float, q: Array) -> None:
        """Hold the measured joints (J,) [rad]."""
        self.active = True
        self._hold(now_s, q)

    def deactivate(self) -> None:
        """Write nothing from now on; whatever arrives is dropped."""
        self.active, self._pending = False, None

    def accept(self, trajectory: Trajectory, now_s: float) -> str:
        """Take a message; return why it is refused, or an empty string. An inactive controller drops it."""
        refusal = self._refusal(trajectory, now_s)
        if not refusal and self.active:
            self._pending = trajectory
        return refusal

    def update(self, now_s: float, q: Array, v: Array) -> Array | None:
        """Return what is written to the arm (J,) [rad], None for nothing, with it measured at `q`, `v`."""
        if not self.active:
            return None
        first = self._pending is not None
        if self._pending is not None:
            self._begin(self._pending, now_s, q, v)
        else:
            self._time_s += self._period_s * self.speed_scaling
        desired = self._sample(self._time_s)
        command = self._sample(self._time_s + self._period_s)
        moves = first or self._time_s + self._period_s < self._points[-1].time_s
        if self._tolerance_rad and moves and not self.holds:
            if np.abs(desired.q - q).max() > self._tolerance_rad:
                last = self._command
                self._hold(now_s, q)
                self.holds = True
                return None if last is None else last.q
        self._command = command
        return command.q

    @property
    def at_end(self) -> bool:
        """The last point has been reached, of whatever trajectory came last."""
        return self._pending is None and self._time_s + self._period_s >= self._points[-1].time_s

    def _refusal(self, trajectory: Trajectory, now_s: float) -> str:
        due, velocities = trajectory.due_s, trajectory.velocities_rad_s
        if sorted(trajectory.joint_names) != sorted(self._names):
            return f"joint_names={list(trajectory.joint_names)} must be {list(self._names)}"
        if not len(due) or len(due) != len(trajectory.positions_rad):
            return f"{len(trajectory.positions_rad)} points must be at least one, as many as times"
        if any(len(q) != len(self._names) for q in trajectory.positions_rad):
            return f"every point must have {len(self._names)} positions"
        if velocities is not None and np.shape(velocities) != np.shape(trajectory.positions_rad):
            return f"every point must have {len(self._names)} velocities, or none"
        if due[0] < 0.0 or (np.diff(due) <= 0.0).any():
            return f"times={list(due)} must increase strictly"
        if velocities is not None and np.abs(velocities[-1]).max() > np.finfo(np.float32).eps:
            return f"the last velocities={list(velocities[-1])} must be zero"
        if trajectory.stamp_s and trajectory.stamp_s + due[-1] < now_s:
            return f"ends {now_s - trajectory.stamp_s - due[-1]:.3f} s in the past"
        return ""

    def _begin(self, trajectory: Trajectory, now_s: float, q: Array, v: Array) -> None:
        start = Point(now_s, q, v)
        if self._from_desired and self._command is not None:
            start = Point(now_s, self._command.q, self._command.v)
        order = [trajectory.joint_names.index(name) for name in self._names]
        begin_s = trajectory.stamp_s or now_s
        velocities = trajectory.velocities_rad_s
        self._points = [
            Point(begin_s + due_s, positions[order], None if velocities is None else velocities[i][order])
            for i, (due_s, positions) in enumerate(
                zip(trajectory.due_s, trajectory.positions_rad, strict=True)
            )
        ]
        if now_s < self._points[0].time_s:
            self._points.insert(0, start)
        self._time_s, self._pending, self.holds = now_s, None, False

    def _hold(self, now_s: float, q: Array) -> None:
        self._points, self._time_s, self._pending = [Point(now_s, q.copy(), None)], now_s, None
        self._command = self._points[0]
        self.holds = False

    def _sample(self, time_s: float) -> Point:
        """Return the state that the trajectory asks for at `time_s`."""
        points = self._points
        i = sum(point.time_s <= time_s for point in points) - 1
        if i >= len(points) - 1:
            return points[-1]
        return _between(points[i], points[i + 1], time_s)


def _between(a: Point, b: Point, time_s: float) -> Point:
    """Return the state on the way: a cubic where both ends have velocities, else a straight line."""
    length_s = b.time_s - a.time_s
    u = (time_s - a.time_s) / length_s
    if a.v is None or b.v is None:
        slope = (b.q - a.q) / length_s
        return Point(time_s, a.q + u * length_s * slope, slope)
    c2 = 3.0 * (b.q - a.q) - length_s * (2.0 * a.v + b.v)
    c3 = 2.0 * (a.q - b.q) + length_s * (a.v + b.v)
    q = a.q + u * (length_s * a.v + u * (c2 + u * c3))
    return Point(time_s, q, a.v + u * (2.0 * c2 + u * 3.0 * c3) / length_s)
