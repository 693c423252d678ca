"""What the arm was told last, and where it was measured last."""

import math
from dataclasses import dataclass, replace

import numpy as np

from drift_control.freshness import Freshness
from drift_control.inputs import JointReading, Now
from drift_control.robot.motion import MotionState
from drift_control.robot.pose import Array, Pose
from drift_control.robot.robot import Robot

MOVED_RAD = 0.001  # ten times the noise of an encoder; 1.5 mm at the TCP of a stretched arm
MOVED_M = 0.001  # three counts of a hand that tells its 85 mm in 8 bits
# An arm that rests further from its command does not merely sag; the first message may step by 35 mrad.
SAG_RAD = 0.025
PAUSE_S = 0.2  # after a pause of the gate this long the arm has stopped by itself, or others have moved it
LISTEN_S = 0.1  # after it: what had been waiting to be read says where the arm was


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
        self._looked_s = math.inf  # the last tick
        self._listen_until_s = -math.inf
        self.listening = False  # after a pause of the gate, until it is known where the arm is now
        self._measured: JointReading | None = None
        self._gripper_arrival_s = -math.inf
        self._silent_at: JointReading | None = None  # measured when the gate fell silent
        self._arm_free = self._hand_free = True  # others may have moved it: it is commanded where it is
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

    @property
    def stamp_s(self) -> float:
        """Stamp of the measured joints, ROS time [s]; minus infinity before the first."""
        return -math.inf if self._measured is None else self._measured.stamp_s

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
        if joints.arrival_s < self._listen_until_s:
            return
        self._gripper_arrival_s = max(self._gripper_arrival_s, hand_s)
        if not self._freshness.update(joints.stamp_s, joints.arrival_s):
            return
        self._measured, self.listening = joints, False
        if self.arm is None:
            self._start_from(joints)

    def look_after_pause(self, now: Now) -> None:
        """After a pause of the gate stand still, and believe no older reading; to be called at each tick."""
        pause_s, self._looked_s = now.steady_s - self._looked_s, now.steady_s
        if pause_s <= PAUSE_S or self.arm is None:
            return
        self.listening, self._listen_until_s = True, now.steady_s + LISTEN_S
        if self._silent_at is None:
            self._silent_at = self._measured
        self.advance(MotionState.standstill(self.arm.motion.q), self.arm.gripper_m)

    def keep(self) -> None:
        """Arm and hand are told the command: it stays, wherever they are measured."""
        self._silent_at, self._arm_free, self._hand_free = None, False, False

    def follow(self, now: Now) -> None:
        """While nothing is sent: command arm and hand where they are, each from its first motion on.

        An arm that has sagged a little, or a hand around a thing, is away from its command and does not move:
        there the command stays, else an arm would sink with each arming, and a thing would fall.
        """
        joints, arm = self._measured, self.arm
        if joints is None or arm is None:
            return
        if self._silent_at is None:
            self._silent_at = joints
        if self.stale(now):
            return
        moved_rad = float(np.abs(joints.positions_rad - self._silent_at.positions_rad).max())
        away_rad = float(np.abs(joints.positions_rad - arm.motion.q).max())
        self._arm_free |= moved_rad > MOVED_RAD or away_rad > SAG_RAD
        self._hand_free |= abs(joints.gripper_m - self._silent_at.gripper_m) > MOVED_M
        motion = _standing(joints) if self._arm_free and away_rad > 0.0 else arm.motion
        self.advance(motion, self._opening_m(joints) if self._hand_free else arm.gripper_m)

    def free_arm(self) -> None:
        """From now on, while nothing is sent, command the arm where it is, to the last digit."""
        self._arm_free = True

    def let_go(self, now: Now) -> None:
        """Command where the arm is, at rest; as long as nobody knows that, rest at the command."""
        self._silent_at, self._arm_free, self._hand_free = None, True, True
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
        self.advance(_standing(joints), self._opening_m(joints))

    def _opening_m(self, joints: JointReading) -> float:
        return float(np.clip(joints.gripper_m, 0.0, self._robot.config.gripper.opening_max_m))


def _standing(joints: JointReading) -> MotionState:
    return MotionState.standstill(np.asarray(joints.positions_rad, dtype=float))
