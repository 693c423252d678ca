"""A pose that is moved by rates, starts where the command is, and stays near to it."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.target import PoseTarget
from drift_control.robot.pose import Array, Pose, rotation_from_vector, rotation_vector
from drift_control.robot.robot import Robot


class TcpReference:
    """Rates are built up within the acceleration of tele-operation, and slowed down before walls."""

    LEASH_M = 0.02  # the reference stays this close to the command, so that nothing winds up
    LEASH_RAD = 0.1

    def __init__(self, config: GateConfig, robot: Robot, arm: CommandedArm) -> None:
        """Begin bumplessly: from the commanded pose, at the commanded velocity."""
        self._dt_s = config.dt_s
        self.linear_m_s2 = config.teleop_acceleration_m_s2
        self.angular_rad_s2 = config.teleop_angular_acceleration_rad_s2
        workspace = robot.config.workspace
        self._low, self._high = workspace.tcp_low_m, workspace.tcp_high_m
        self.pose = arm.tcp
        self.twist = arm.jacobian @ arm.motion.v  # (6,)

    def pull_in(self, arm: CommandedArm) -> None:
        """Bring the reference back to where the command could follow."""
        away = self.pose.position - arm.tcp.position
        far = float(np.sqrt(away @ away)) / self.LEASH_M
        position = arm.tcp.position + away / far if far > 1.0 else self.pose.position
        turn = rotation_vector(self.pose.rotation @ arm.tcp.rotation.T)
        far = float(np.sqrt(turn @ turn)) / self.LEASH_RAD
        rotation = rotation_from_vector(turn / far) @ arm.tcp.rotation if far > 1.0 else self.pose.rotation
        self.pose = Pose(position, rotation)

    def move(self, linear: Array, angular: Array) -> tuple[PoseTarget, GuardFlag]:
        """Return the target one tick on, when rates (3,) [m/s] and (3,) [rad/s] in the base are wanted."""
        linear = self._slowed_at_walls(self.pose.position, linear)
        self.twist = np.concatenate(
            (
                approach(self.twist[:3], linear, self.linear_m_s2 * self._dt_s),
                approach(self.twist[3:], angular, self.angular_rad_s2 * self._dt_s),
            )
        )
        position = self.pose.position + self.twist[:3] * self._dt_s
        low, high = np.minimum(self._low, self.pose.position), np.maximum(self._high, self.pose.position)
        inside = np.clip(position, low, high)
        flags = GuardFlag.WORKSPACE if (inside != position).any() else GuardFlag.NONE
        rotation = rotation_from_vector(self.twist[3:] * self._dt_s) @ self.pose.rotation
        self.pose = Pose(inside, rotation)
        return PoseTarget(self.pose, self.twist.copy()), flags

    def _slowed_at_walls(self, position: Array, linear: Array) -> Array:
        """Return the velocity (3,), each axis no faster than can be braked before the workspace ends."""
        below = np.maximum(position - self._low, 0.0)
        above = np.maximum(self._high - position, 0.0)
        brake = self.linear_m_s2 / 2.0
        return np.clip(linear, -np.sqrt(2.0 * brake * below), np.sqrt(2.0 * brake * above))


def approach(value: Array, goal: Array, step: float) -> Array:
    """Return `value` moved toward `goal` by at most `step`."""
    gap = goal - value
    size = float(np.sqrt(gap @ gap))
    return goal if size <= step else value + gap * (step / size)
