"""Clamps on what is asked for, before it becomes a step: pose, joint positions, velocities, gripper."""

import math
from dataclasses import dataclass

import numpy as np

from drift_control.gate.state import GuardFlag
from drift_control.robot.pose import Array, Pose, rotation_from_vector, rotation_vector
from drift_control.robot.robot import Robot

NOTICED_M = 0.001  # a set-point moved by less is not worth a flag
SPEED_MARGIN = 0.95  # of the TCP speed limit is aimed for; the motion rules keep the limit itself


@dataclass(frozen=True)
class PoseTarget:
    """Where the TCP is asked to be, and how fast to move there."""

    pose: Pose
    twist: Array  # (6,)


class Leash:
    """Keep a set-point close to the commanded pose, so that inverse kinematics stays on its branch."""

    def __init__(self, length_m: float = 0.10, angle_rad: float = 0.5) -> None:
        self._length_m, self._angle_rad = length_m, angle_rad

    def limit(self, target: PoseTarget, commanded: Pose) -> tuple[PoseTarget, GuardFlag]:
        """Return the target pulled toward the commanded pose along the straight way."""
        away = target.pose.position - commanded.position
        turn = rotation_vector(commanded.rotation.T @ target.pose.rotation)
        far = max(math.sqrt(away @ away) / self._length_m, math.sqrt(turn @ turn) / self._angle_rad)
        if far <= 1.0:
            return target, GuardFlag.NONE
        pose = Pose(commanded.position + away / far, commanded.rotation @ rotation_from_vector(turn / far))
        return PoseTarget(pose, target.twist), GuardFlag.TCP_SPEED


class WorkspaceClamp:
    """Move a set-point into the workspace box and above the floor."""

    def __init__(self, robot: Robot) -> None:
        workspace = robot.config.workspace
        self.low, self.high = workspace.tcp_low_m, workspace.tcp_high_m

    def limit(self, target: PoseTarget, commanded: Pose) -> tuple[PoseTarget, GuardFlag]:
        """Return the target with its position clipped, and without speed where it was clipped."""
        asked = target.pose.position
        position = np.clip(asked, self.low, self.high)
        clipped = position != asked
        if not clipped.any():
            return target, GuardFlag.NONE
        twist = target.twist.copy()
        twist[:3][clipped] = 0.0
        noticed = np.abs(position - asked).max() > NOTICED_M
        flag = GuardFlag.WORKSPACE if noticed else GuardFlag.NONE
        return PoseTarget(Pose(position, target.pose.rotation), twist), flag


class JointClamp:
    """Clip joint set-points to the position limits."""

    def __init__(self, robot: Robot) -> None:
        self._low, self._high = robot.low, robot.high

    def limit(self, q: Array) -> tuple[Array, GuardFlag]:
        """Return joint positions (J,) inside the limits."""
        inside = np.clip(q, self._low, self._high)
        return inside, GuardFlag.POSITION if (inside != q).any() else GuardFlag.NONE


class SpeedScale:
    """Slow a joint velocity down as a whole, so that it keeps its direction."""

    def __init__(self, robot: Robot) -> None:
        self._velocity = robot.velocity
        self._tcp_speed_m_s = robot.config.tcp_speed_max_m_s * SPEED_MARGIN

    def limit(self, velocity: Array, jacobian: Array, scale: float) -> tuple[Array, GuardFlag]:
        """Return velocities (J,) within the joint and TCP speed limits, both times `scale` (0..1]."""
        flags = GuardFlag.NONE
        over = float((np.abs(velocity) / self._velocity).max())
        if over > 1.0:
            velocity, flags = velocity / over, flags | GuardFlag.VELOCITY
        linear = jacobian[:3] @ velocity
        speed_m_s = math.sqrt(linear @ linear)
        if speed_m_s > self._tcp_speed_m_s:
            velocity, flags = velocity * (self._tcp_speed_m_s / speed_m_s), flags | GuardFlag.TCP_SPEED
        return velocity * scale, flags


class GripperLimit:
    """Keep the opening in its range and change it no faster than the hand should."""

    def __init__(self, robot: Robot, dt_s: float) -> None:
        self._max_m = robot.config.gripper.opening_max_m
        self._step_m = robot.config.gripper.speed_m_s * dt_s

    def limit(self, asked_m: float, last_m: float) -> tuple[float, GuardFlag]:
        """Return the opening [m] to command after `last_m`."""
        inside_m = min(max(asked_m, 0.0), self._max_m)
        opening_m = min(max(inside_m, last_m - self._step_m), last_m + self._step_m)
        return opening_m, GuardFlag.GRIPPER if abs(opening_m - asked_m) > 1e-9 else GuardFlag.NONE
