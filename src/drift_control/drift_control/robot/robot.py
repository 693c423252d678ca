"""An arm: its configuration, forward kinematics, and the state vector."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import load_yaml, parse, to_plain
from drift_config.yaml_file import read_yaml

from drift_control.arms import ARMS
from drift_control.arms.arm import Capsule
from drift_control.arms.transforms import rotation_z, translation
from drift_control.gripper.config import Gripper
from drift_control.robot.config import RobotConfig
from drift_control.robot.pose import Array, Pose, pose_to_action

__all__ = ["Robot", "RobotConfig", "load_robot"]


TURN_RAD = 2.0 * np.pi


class Robot:
    """Kinematics of one configured arm; holds no state."""

    def __init__(self, config: RobotConfig) -> None:
        self.config = config
        self.arm = ARMS[config.arm]
        self.n_joints = self.arm.n_joints
        self.low = np.array(config.limits.position_low_rad)  # (J,) [rad]
        self.high = np.array(config.limits.position_high_rad)
        self.velocity = np.array(config.limits.velocity_rad_s)
        self.acceleration = np.array(config.limits.acceleration_rad_s2)
        self.jerk = np.array(config.limits.jerk_rad_s3)
        self.braking_jerk = np.array(config.limits.braking_jerk_rad_s3)
        self.home = np.array(config.home_rad)
        self.turning = self.high - self.low > TURN_RAD  # (J,) joints that can be in one place a turn apart
        # From the last joint's frame to the hand's mount, and to the TCP between the finger pads.
        self.mount = self.arm.flange @ rotation_z(config.flange_yaw_rad + config.gripper.mount_yaw_rad)
        self.tool = self.mount @ translation(0.0, 0.0, config.gripper.tcp_offset_m)
        hull = config.gripper.hull.items()
        mount = self.arm.n_joints + 1
        self.capsules = (  # of the arm and of the hand
            *self.arm.capsules,
            *(Capsule(name, mount, part.start_m, part.end_m, part.radius_m) for name, part in hull),
        )
        names = {capsule.name for capsule in self.capsules}  # an arm without a hand has none to keep apart
        self.collision_pairs = tuple(pair for pair in self.arm.collision_pairs if set(pair) <= names)
        self.above_table = tuple(name for name in self.arm.above_table if name in names)
        self._x = self.arm.before[:, :, 0].copy()  # (J, 4) columns that a turn about z mixes
        self._y = self.arm.before[:, :, 1].copy()
        self._before = self.arm.before[::-1, :3].tolist()  # of the last joint first
        self._tip = self.tool[:3, 3].tolist()
        home = self.forward(self.home).position
        low, high = config.workspace.tcp_low_m, config.workspace.tcp_high_m
        if np.any(home < low) or np.any(home > high):
            raise ConfigError(
                f"home_rad={list(config.home_rad)} must put the TCP into the workspace "
                f"{low.tolist()} .. {high.tolist()}, got {home.round(4).tolist()}"
            )
        for box in config.workspace.keep_out:
            if np.all(home >= box.low_m) and np.all(home <= box.high_m):
                raise ConfigError(
                    f"workspace.keep_out {box.name}={box.low_m} .. {box.high_m} must not hold the TCP "
                    f"at home, {home.round(4).tolist()}"
                )

    @property
    def name(self) -> str:
        """Name of the arm, as in its file."""
        return self.config.name

    def joint_frames(self, q: Array) -> Array:
        """Return the frames that turn with the joints, in the base frame, (..., J, 4, 4) for q (..., J)."""
        c, s = np.cos(q)[..., None], np.sin(q)[..., None]
        relative = np.empty((*q.shape, 4, 4))  # each joint's frame in the one before
        relative[...] = self.arm.before
        relative[..., 0] = c * self._x + s * self._y
        relative[..., 1] = c * self._y - s * self._x
        if q.ndim == 1:  # np.dot has the least overhead, and this is the most frequent call of a control tick
            frame = relative[0]
            for i in range(1, self.n_joints):
                frame = relative[i] = frame.dot(relative[i])
            return relative
        for i in range(1, self.n_joints):
            relative[..., i, :, :] = relative[..., i - 1, :, :] @ relative[..., i, :, :]
        return relative

    def forward(self, q: Array) -> Pose:
        """Return the TCP pose in the base frame at joint positions (J,) [rad]."""
        tcp = self.joint_frames(np.asarray(q, dtype=float))[-1] @ self.tool
        return Pose(tcp[:3, 3].copy(), tcp[:3, :3].copy())

    def jacobian(self, q: Array) -> Array:
        """Return d(TCP twist)/d(q) (6, J): rows x y z [m/rad] then turn about x y z, in the base frame."""
        return self.tcp_and_jacobian(np.asarray(q, dtype=float))[1]

    def tcp_position(self, q: Array) -> Array:
        """Return the TCP position (3,) [m] in the base frame at q (J,)."""
        x, y, z = self._tip
        for angle, (a, b, c) in zip(reversed(q.tolist()), self._before, strict=True):  # rows of the transform
            cos, sin = math.cos(angle), math.sin(angle)
            x, y = cos * x - sin * y, sin * x + cos * y
            x, y, z = (
                a[0] * x + a[1] * y + a[2] * z + a[3],
                b[0] * x + b[1] * y + b[2] * z + b[3],
                c[0] * x + c[1] * y + c[2] * z + c[3],
            )
        return np.array((x, y, z))

    def tcp_and_jacobian(self, q: Array) -> tuple[Array, Array]:
        """Return the TCP frame (4, 4) and the Jacobian (6, J) at q (J,)."""
        frames = self.joint_frames(q)
        tcp = frames[-1] @ self.tool
        return tcp, self.jacobian_at(frames, tcp)

    def jacobian_at(self, frames: Array, tcp: Array) -> Array:
        """Return the Jacobian (6, J) where joints have `frames` (J, 4, 4) and the TCP `tcp` (4, 4)."""
        axis_x, axis_y, axis_z = frames[:, 0, 2], frames[:, 1, 2], frames[:, 2, 2]
        x, y, z = (tcp[:3, 3] - frames[:, :3, 3]).T
        jacobian = np.empty((6, self.n_joints))
        jacobian[0] = axis_y * z - axis_z * y
        jacobian[1] = axis_z * x - axis_x * z
        jacobian[2] = axis_x * y - axis_y * x
        jacobian[3:] = frames[:, :3, 2].T
        return jacobian

    def nearest_turn(self, q: Array, near: Array) -> Array:
        """Return q (J,), whole turns away where that is nearer to `near` (J,) and inside the limits."""
        if not self.turning.any():
            return q
        turned = q + TURN_RAD * np.where(self.turning, np.round((near - q) / TURN_RAD), 0.0)
        turned = turned - TURN_RAD * (self.turning & (turned > self.high) & (turned > q))
        return turned + TURN_RAD * (self.turning & (turned < self.low) & (turned < q))

    def near_home(self, q: Array) -> Array:
        """Return q (..., J) without the whole turns by which joints are away from home."""
        return q - TURN_RAD * np.where(self.turning, np.round((q - self.home) / TURN_RAD), 0.0)

    def state(self, q: Array, gripper_m: float) -> Array:
        """Return TCP position, 6-D rotation, gripper opening, joint positions as (10 + J,).

        A joint that is whole turns away from home is given as if it was not: the arm looks and moves alike.
        """
        q = np.asarray(q, dtype=float)
        return np.concatenate((pose_to_action(self.forward(q), gripper_m), self.near_home(q)))


def load_robot(path: Path) -> Robot:
    """Return the arm described by a file like config/robots/panda.yaml, with its usual hand.

    `panda+none.yaml` is panda.yaml with another hand, a file of the folder `grippers` beside that of `path`.
    """
    arm, _, other = path.stem.partition("+")
    path = path.with_stem(arm)
    section = read_yaml(path)
    usual = section.get("gripper")
    hand = load_gripper(path.parent.parent / "grippers", other or usual)
    section["gripper"] = to_plain(hand)
    config = parse(section, RobotConfig, str(path))
    if hand.name != usual:  # another hand is another robot: its TCP and its opening mean something else
        config = replace(config, name=f"{config.name}+{hand.name}")
    try:
        return Robot(config)
    except ConfigError as error:  # of what only its kinematics can tell, such as where the TCP is at home
        raise ConfigError(f"{path}: {error}") from error


def load_gripper(folder: Path, name: Any) -> Gripper:
    """Return the gripper that a file of `folder` describes; ConfigError names the allowed ones."""
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in names:
        raise ConfigError(f"gripper={name!r} must be a file of {folder}: {', '.join(names)}")
    return load_yaml(folder / f"{name}.yaml", Gripper)
