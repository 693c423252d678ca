"""What a chunk wants at a given ROS time: set-points with due times, and what lies between them."""

from dataclasses import dataclass, replace

import numpy as np

from drift_control.inputs import Chunk
from drift_control.robot.pose import Array, Pose, rotation_from_6d, rotation_from_vector, rotation_vector

STEPS_MAX = 1000


@dataclass(frozen=True)
class SetPoint:
    """Where the arm should be at one time, and how fast it should be moving there."""

    pose: Pose | None  # of the TCP, for "tcp_pose"
    twist: Array | None  # (6,) linear [m/s], angular [rad/s]
    joints: Array | None  # (J,) [rad], for "joint_position"
    joint_velocity: Array | None  # (J,) [rad/s]
    gripper_m: float


class ChunkClock:
    """One chunk on the time axis.

    Before its first due time a chunk is at its first set-point, after its last one at its last.
    Positions are interpolated linearly, or by a cubic with Catmull-Rom slopes; rotations by slerp; the
    gripper linearly.
    """

    def __init__(self, chunk: Chunk, cubic: bool) -> None:
        self.chunk = chunk
        self._last: tuple[float, SetPoint] | None = None  # what was asked for last, and the answer
        self._cubic = cubic
        self._steps = len(chunk.data)
        self._tcp = chunk.action_space == "tcp_pose"
        width = 3 if self._tcp else chunk.data.shape[1] - 1
        self._positions = chunk.data[:, :width]  # (T, 3) [m] or (T, J) [rad]
        self._gripper = chunk.data[:, -1]  # (T,) [m]
        slopes = np.zeros_like(self._positions)  # per step
        if self._steps > 2:
            slopes[1:-1] = (self._positions[2:] - self._positions[:-2]) / 2.0
        if self._steps > 1:
            slopes[0] = self._positions[1] - self._positions[0]
            slopes[-1] = self._positions[-1] - self._positions[-2]
        self._slopes = slopes
        if self._tcp:
            self._rotations = [rotation_from_6d(row[3:9]) for row in chunk.data]
            self._turns = [
                rotation_vector(first.T @ second)
                for first, second in zip(self._rotations[:-1], self._rotations[1:], strict=True)
            ]

    @property
    def end_s(self) -> float:
        """ROS time at which the last set-point is due."""
        return self.chunk.stamp_s + self._steps * self.chunk.dt_s

    def turned(self, by_rad: Array) -> "ChunkClock":
        """Return the same chunk of joint positions, all of them further by (J,) [rad]."""
        data = np.array(self.chunk.data, dtype=float)
        data[:, :-1] += by_rad
        return ChunkClock(replace(self.chunk, data=data), self._cubic)

    def at(self, ros_s: float) -> SetPoint:
        """Return the set-point of ROS time `ros_s`; asked for it again, the same one."""
        if self._last is None or self._last[0] != ros_s:
            self._last = ros_s, self._between(ros_s)
        return self._last[1]

    def _between(self, ros_s: float) -> SetPoint:
        place = (ros_s - self.chunk.stamp_s) / self.chunk.dt_s - 1.0  # in steps; 0 at the first due time
        inside = 0.0 <= place <= self._steps - 1
        place = min(max(place, 0.0), self._steps - 1.0)
        i = min(int(place), max(self._steps - 2, 0))
        u = place - i
        j = min(i + 1, self._steps - 1)
        position, slope = self._position(i, j, u)
        speed = 1.0 / self.chunk.dt_s if inside else 0.0
        gripper_m = float((1.0 - u) * self._gripper[i] + u * self._gripper[j])
        if not self._tcp:
            return SetPoint(None, None, position, slope * speed, gripper_m)
        rotation, twist = self._rotations[i], np.zeros(6)
        twist[:3] = slope * speed
        if j > i:
            turn = self._turns[i]
            twist[3:] = (rotation @ turn) * speed
            rotation = rotation @ rotation_from_vector(u * turn)
        return SetPoint(Pose(position, rotation), twist, None, None, gripper_m)

    def _position(self, i: int, j: int, u: float) -> tuple[Array, Array]:
        """Return position and slope per step at fraction `u` between set-points `i` and `j`."""
        start, end = self._positions[i], self._positions[j]
        if not self._cubic or i == j:
            return (1.0 - u) * start + u * end, end - start
        m0, m1 = self._slopes[i], self._slopes[j]
        position = (
            (2 * u**3 - 3 * u**2 + 1) * start
            + (u**3 - 2 * u**2 + u) * m0
            + (3 * u**2 - 2 * u**3) * end
            + (u**3 - u**2) * m1
        )
        slope = (6 * u**2 - 6 * u) * (start - end) + (3 * u**2 - 4 * u + 1) * m0 + (3 * u**2 - 2 * u) * m1
        return position, slope
