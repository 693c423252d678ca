"""Where an arm is: at given joint positions, and in the near future of a step, braking included."""

from functools import cached_property

import numpy as np

from drift_control.robot.collision import CapsuleModel
from drift_control.robot.motion import BrakingPath, MotionState
from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot


class ArmPath:
    """Joint positions (N, J), and where TCP and hull are at each of them."""

    def __init__(self, robot: Robot, capsules: CapsuleModel, q: Array) -> None:
        self._capsules = capsules
        self.q = q
        self.frames = robot.joint_frames(q)  # (N, J, 4, 4)
        self.tcp = self.frames[:, -1] @ robot.tool  # (N, 4, 4)

    @property
    def tcp_position(self) -> Array:
        """TCP positions (N, 3) [m]."""
        return self.tcp[:, :3, 3]

    @cached_property
    def ends(self) -> Array:
        """Ends of the capsules (N, C, 3, 2) [m]."""
        return self._capsules.place(self.frames)

    @property
    def capsules(self) -> CapsuleModel:
        """The hull of the arm."""
        return self._capsules


class StepPath(ArmPath):
    """Joint positions now, after the step, and along the braking path after it (N in all)."""

    def __init__(
        self,
        robot: Robot,
        capsules: CapsuleModel,
        now: MotionState,
        braking: BrakingPath,
        dt_s: float,
        speed_scale: float,
    ) -> None:
        super().__init__(robot, capsules, np.concatenate((now.q[None], braking.q)))
        self.v = np.concatenate((now.v[None], braking.v))  # (N, J)
        self.times_s = np.concatenate(((0.0,), braking.times_s + dt_s))  # (N,)
        self.speed_scale = speed_scale

    @property
    def tcp_speed(self) -> Array:
        """TCP speeds (N,) [m/s] at the very times of the samples."""
        arm = self.tcp_position[:, None] - self.frames[..., :3, 3]  # (N, J, 3) from each joint to the TCP
        turn = self.frames[..., :3, 2] * self.v[..., None]  # (N, J, 3) [rad/s]
        # The sum of turn x arm over the joints, out of the nine sums of products of their components.
        sums = turn.transpose(0, 2, 1) @ arm  # (N, 3, 3)
        x = sums[:, 1, 2] - sums[:, 2, 1]
        y = sums[:, 2, 0] - sums[:, 0, 2]
        z = sums[:, 0, 1] - sums[:, 1, 0]
        return np.sqrt(x * x + y * y + z * z)
