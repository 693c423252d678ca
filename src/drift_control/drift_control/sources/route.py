"""Follow straight lines through points in joint space: all joints together, slowly around corners."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.robot.motion import approach_velocity
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

ROUNDED_RAD = 0.005  # a corner is passed so slowly that no joint strays further from the lines
CREEP_RAD_S = 0.02  # even around the sharpest corner
SHORT_RAD = 1e-6  # points nearer to each other than this are one
THERE_RAD = 1e-4  # a command this near to the end comes to rest


class Route:
    """Where on its way the command is, and how fast it goes on. Lengths: of the joint that moves most."""

    def __init__(self, robot: Robot, points: Array, gain_1_s: float, speed_scale: float, dt_s: float) -> None:
        """`points`: (P, J) [rad], the first near the command."""
        steps = np.diff(points, axis=0)
        lengths = np.abs(steps).max(axis=1)
        kept = lengths > SHORT_RAD
        self.end: Array = points[-1]
        self._starts = points[:-1][kept]
        self._lengths = lengths[kept]
        self._directions = steps[kept] / self._lengths[:, None]
        self._gain_1_s, self._dt_s = gain_1_s, dt_s
        self._acceleration = float(robot.acceleration.min())
        self._fastest = float((robot.velocity * speed_scale).min())
        turns = np.abs(np.diff(self._directions, axis=0)).max(axis=1)
        # Changing a velocity by dv takes dv / a + a / jerk and a tick, and dv times half of it off the lines.
        a, late_s = self._acceleration, self._acceleration / float(robot.jerk.min()) / 2.0 + dt_s
        change = a * (np.sqrt(late_s**2 + 2.0 * ROUNDED_RAD / a) - late_s)
        corner = change / np.maximum(turns, 1e-6)
        self._corners = np.append(np.clip(corner, CREEP_RAD_S, self._fastest), 0.0)  # at each line's end
        self._at = 0

    def velocity(self, arm: CommandedArm) -> Array:
        """Return the velocities (J,) [rad/s] that lead on along the way."""
        q = arm.motion.q
        if self._at == len(self._lengths):
            return self._pull(self.end - q)
        progress = self._progress(q)
        while progress >= self._lengths[self._at] and self._at < len(self._lengths) - 1:
            self._at += 1
            progress = self._progress(q)
        direction, left = self._directions[self._at], self._lengths[self._at] - progress
        if self._at == len(self._lengths) - 1 and left <= 0.0:
            return self._pull(self.end - q)
        aside = self._starts[self._at] + direction * progress - q
        return direction * self._speed(arm, direction, left) + self._gain_1_s * aside

    def _speed(self, arm: CommandedArm, direction: Array, left: float) -> float:
        """Return the speed along the line: it can brake, and builds up for all joints alike."""
        corner = float(self._corners[self._at])
        if corner > 0.0:
            ahead = float(np.sqrt(corner**2 + self._acceleration * max(left, 0.0)))
        else:
            ahead = float(self._pull(np.array([left]))[0])
        now = float(arm.motion.v @ direction / (direction @ direction))
        return min(ahead, self._fastest, max(now, 0.0) + 0.5 * self._acceleration * self._dt_s)

    def _progress(self, q: Array) -> float:
        direction = self._directions[self._at]
        return float((q - self._starts[self._at]) @ direction / (direction @ direction))

    def _pull(self, error: Array) -> Array:
        if float(np.abs(error).max()) < THERE_RAD:
            return np.zeros_like(error)
        return approach_velocity(error, self._gain_1_s, np.full(len(error), self._acceleration))
