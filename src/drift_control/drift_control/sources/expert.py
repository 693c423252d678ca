"""The person: a rate device whose velocities move a reference pose."""

import numpy as np

from drift_control.commanded import CommandedArm
from drift_control.gate.config import GateConfig
from drift_control.gate.state import GuardFlag
from drift_control.guard.target import PoseTarget
from drift_control.inputs import Now
from drift_control.robot.pose import Array, Pose, rotation_from_vector, rotation_vector
from drift_control.robot.robot import Robot
from drift_control.sources.tracker import Tracker
from drift_control.sources.wish import MotionRequest
from drift_control.teleop.joystick import TeleopCommand


class ExpertSource:
    """A rate device: its velocities move a reference pose that starts where the command is."""

    LEASH_M = 0.02  # the reference stays this close to the command, so that nothing winds up
    LEASH_RAD = 0.1

    def __init__(self, config: GateConfig, robot: Robot, tracker: Tracker) -> None:
        self._tracker = tracker
        self._dt_s = config.dt_s
        self._linear_m_s2 = config.teleop_acceleration_m_s2
        self._angular_rad_s2 = config.teleop_angular_acceleration_rad_s2
        workspace = robot.config.workspace
        self._low, self._high = workspace.tcp_low_m, workspace.tcp_high_m
        self._pose: Pose | None = None
        self._twist = np.zeros(6)

    def start(self, arm: CommandedArm, now: Now) -> None:
        """Take over bumplessly: from the commanded pose, at the commanded velocity."""
        self._pose = arm.tcp
        self._twist = arm.jacobian @ arm.motion.v

    def wish(self, arm: CommandedArm, teleop: TeleopCommand | None, now: Now) -> MotionRequest | None:
        """Return what the person wants; None without a fresh command."""
        if teleop is None:
            return None
        pose = self._leashed(arm)
        linear, angular = teleop.linear_m_s, teleop.angular_rad_s
        if teleop.frame == "tool":
            linear, angular = pose.rotation @ linear, pose.rotation @ angular
        linear = self._slowed_at_walls(pose.position, linear)
        self._twist = np.concatenate(
            (
                _approach(self._twist[:3], linear, self._linear_m_s2 * self._dt_s),
                _approach(self._twist[3:], angular, self._angular_rad_s2 * self._dt_s),
            )
        )
        position = pose.position + self._twist[:3] * self._dt_s
        low, high = np.minimum(self._low, pose.position), np.maximum(self._high, pose.position)
        inside = np.clip(position, low, high)
        flags = GuardFlag.WORKSPACE if (inside != position).any() else GuardFlag.NONE
        rotation = rotation_from_vector(self._twist[3:] * self._dt_s) @ pose.rotation
        self._pose = Pose(inside, rotation)
        target = PoseTarget(self._pose, self._twist.copy())
        opening_m = arm.gripper_m + teleop.gripper_rate_m_s * self._dt_s
        return self._tracker.to_pose(arm, target, opening_m, flags)

    def _leashed(self, arm: CommandedArm) -> Pose:
        """Return the reference pose, pulled in where the command could not follow."""
        if self._pose is None:
            raise ValueError("start() must be called before wish()")
        away = self._pose.position - arm.tcp.position
        far = float(np.sqrt(away @ away)) / self.LEASH_M
        position = arm.tcp.position + away / far if far > 1.0 else self._pose.position
        turn = rotation_vector(self._pose.rotation @ arm.tcp.rotation.T)
        far = float(np.sqrt(turn @ turn)) / self.LEASH_RAD
        rotation = rotation_from_vector(turn / far) @ arm.tcp.rotation if far > 1.0 else self._pose.rotation
        return Pose(position, rotation)

    def _slowed_at_walls(self, position: Array, linear: Array) -> Array:
        """Return the velocity (3,), each axis no faster than can be braked before the workspace ends."""
        below = np.maximum(position - self._low, 0.0)
        above = np.maximum(self._high - position, 0.0)
        brake = self._linear_m_s2 / 2.0
        return np.clip(linear, -np.sqrt(2.0 * brake * below), np.sqrt(2.0 * brake * above))


def _approach(value: Array, goal: Array, step: float) -> Array:
    """Return `value` moved toward `goal` by at most `step`."""
    gap = goal - value
    size = float(np.sqrt(gap @ gap))
    return goal if size <= step else value + gap * (step / size)
