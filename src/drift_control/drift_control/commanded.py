"""What the arm was told last, and where it was measured last."""

import math
from dataclasses import dataclass, replace

import numpy as np

from drift_control.freshness import Freshness
from drift_control.inputs import JointReading, Now
from drift_control.robot.motion import MotionState
from drift_control.robot.pose import Array, Pose
from drift_control.robot.robot import Robot

STALL_S = 0.2  # after a pause of the gate this long the arm has stopped at the last command by itself


@dataclass(frozen=True)
class CommandedArm:
    """The commanded motion, what follows from it, and the commanded hand."""

    motion: MotionState
    tcp: Pose
    jacobian: Array  # (6, J)
    gripper_m: float  # opening [m]


class Commanded:
    """The command: it starts at the first measured pose; from then on each step starts at the last one."""

    def __init__(self, robot: Robot, joint_state_timeout_s: float) -> None:
        self._robot = robot
        self._timeout_s = joint_state_timeout_s
        self._freshness = Freshness(joint_state_timeout_s)
        self._last_steady_s: float | None = None
        self._measured: JointReading | None = None
        self._gripper_arrival_s = -math.inf
        self.arm: CommandedArm | None = None  # None before the first joint state

    @property
    def measured_rad(self) -> Array | None:
        """Measured joint positions (J,) [rad]."""
        return None if self._measured is None else np.asarray(self._measured.positions_rad, dtype=float)

    @property
    def measured(self) -> Array | None:
        """Measured joint positions [rad] and gripper opening [m] (J + 1,)."""
        joints = self._measured
        return None if joints is None else np.append(joints.positions_rad, joints.gripper_m)

    def age_s(self, now: Now) -> float:
        """Return the age of the measured joints [s]; infinite before the first."""
        return self._freshness.age_s(now)

    def gripper_age_s(self, now: Now) -> float:
        """Return the age of the measured opening [s]; infinite before the first."""
        return max(0.0, now.steady_s - self._gripper_arrival_s)

    def stale(self, now: Now) -> bool:
        """Return whether nobody knows where the arm is now."""
        return self.age_s(now) > self._timeout_s

    def forget_stamp(self) -> None:
        """Accept any stamp of joints next, after the ROS clock jumped."""
        self._freshness.forget_stamp()

    def measure(self, joints: JointReading | None) -> None:
        """Take note of the measured joints; the first ones are the first command."""
        if joints is None:
            return
        positions = np.asarray(joints.positions_rad, dtype=float)
        sound = positions.shape == (self._robot.n_joints,) and np.isfinite(positions).all()
        if not sound or not np.isfinite(joints.gripper_m):
            return  # and so it grows stale
        hand_s = joints.arrival_s if joints.gripper_arrival_s is None else joints.gripper_arrival_s
        self._gripper_arrival_s = max(self._gripper_arrival_s, hand_s)
        if not self._freshness.update(joints.stamp_s, joints.arrival_s):
            return
        self._measured = joints
        if self.arm is None:
            self._start_from(joints)

    def rest_after_stall(self, now: Now) -> None:
        """Stand still at the command after a pause of the gate; to be called at each tick."""
        last, self._last_steady_s = self._last_steady_s, now.steady_s
        if last is not None and now.steady_s - last > STALL_S and self.arm is not None:
            self.advance(MotionState.standstill(self.arm.motion.q), self.arm.gripper_m)

    def follow(self, now: Now, tolerance_rad: float) -> None:
        """Command where the arm is, if that is further away: others may move it while nothing is sent."""
        joints = self._measured
        if joints is None or self.arm is None or self.stale(now):
            return
        if float(np.abs(joints.positions_rad - self.arm.motion.q).max()) > tolerance_rad:
            self._start_from(joints)

    def let_go(self, now: Now) -> None:
        """Command where the arm is, at rest; where nobody knows that, rest at the command."""
        if self._measured is not None and not self.stale(now):
            self._start_from(self._measured)
        elif self.arm is not None:
            self.advance(MotionState.standstill(self.arm.motion.q), self.arm.gripper_m)

    def advance(self, motion: MotionState, gripper_m: float) -> None:
        """Go on to this command."""
        if self.arm is not None and motion is self.arm.motion:
            self.arm = replace(self.arm, gripper_m=gripper_m)
            return
        tcp, jacobian = self._robot.tcp_and_jacobian(motion.q)
        self.arm = CommandedArm(motion, Pose(tcp[:3, 3], tcp[:3, :3]), jacobian, gripper_m)

    def _start_from(self, joints: JointReading) -> None:
        motion = MotionState.standstill(np.asarray(joints.positions_rad, dtype=float))
        opening_max_m = self._robot.config.gripper.opening_max_m
        self.advance(motion, float(np.clip(joints.gripper_m, 0.0, opening_max_m)))
