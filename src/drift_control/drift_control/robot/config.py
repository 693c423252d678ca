"""What config/robots/*.yaml says about an arm; every value is checked here and trusted everywhere else."""

import math
from dataclasses import field, fields
from typing import Annotated, Literal

import numpy as np
from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.arms import ARMS
from drift_control.gripper.config import Gripper
from drift_control.robot.pose import Array

PerJoint = tuple[float, ...]
Positive = Annotated[float, Field(gt=0.0)]
Metres = Annotated[float, Field(ge=-10.0, le=10.0)]  # of a cell
Reach = Annotated[float, Field(ge=-2.0, le=2.0)]  # [m] the arms here end at 1.7, with the hand


@dataclass(frozen=True, config=STRICT)
class JointLimits:
    """Limits of the commanded joint motion, tighter than the hardware's (in `arms`); one per joint."""

    position_low_rad: PerJoint
    position_high_rad: PerJoint
    velocity_rad_s: tuple[Positive, ...]
    acceleration_rad_s2: tuple[Positive, ...]
    jerk_rad_s3: tuple[Positive, ...]
    braking_jerk_rad_s3: tuple[Positive, ...]  # on the way to standstill; at least jerk_rad_s3


@dataclass(frozen=True, config=STRICT)
class Box:
    """An axis-aligned box in the base frame [m]."""

    name: str
    low_m: tuple[Metres, Metres, Metres]
    high_m: tuple[Metres, Metres, Metres]

    @model_validator(mode="after")
    def _ordered(self) -> "Box":
        for axis, low, high in zip("xyz", self.low_m, self.high_m, strict=True):
            if not low < high:
                raise ValueError(f"box {self.name}: low_m.{axis}={low} must be below high_m.{axis}={high}")
        return self


@dataclass(frozen=True, config=STRICT)
class Workspace:
    """Where the TCP may be, in the base frame [m]."""

    low_m: tuple[Reach, Reach, Reach]
    high_m: tuple[Reach, Reach, Reach]
    floor_m: float  # lowest height of the TCP
    table_m: Reach  # height of the table that no link may touch
    keep_out: tuple[Box, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> "Workspace":
        Box("workspace", self.low_m, self.high_m)
        if not self.low_m[2] <= self.floor_m < self.high_m[2]:
            raise ValueError(
                f"workspace.floor_m={self.floor_m} must lie in "
                f"[low_m.z={self.low_m[2]}, high_m.z={self.high_m[2]})"
            )
        return self

    @property
    def tcp_low_m(self) -> Array:
        """Lowest coordinates of the TCP (3,) [m]: of the box, and the floor."""
        return np.array([*self.low_m[:2], self.floor_m])

    @property
    def tcp_high_m(self) -> Array:
        """Highest coordinates of the TCP (3,) [m]."""
        return np.array(self.high_m)


@dataclass(frozen=True, config=STRICT)
class RobotConfig:
    """One arm with its hand, which the file names: a file of config/grippers."""

    name: str
    arm: str  # a name in `arms`
    joint_names: tuple[str, ...]
    base_frame: str
    tip_frame: str
    home_rad: PerJoint
    limits: JointLimits
    tcp_speed_max_m_s: Annotated[float, Field(gt=0.0, le=0.25)]  # ISO 10218 reduced speed is the upper bound
    workspace: Workspace
    gripper: Gripper
    command_interface: Literal["forward_position", "joint_trajectory"]
    tracking_error_max_rad: Annotated[float, Field(gt=0.0, le=0.5)]  # a quarter of a second at 2 rad/s
    start_tolerance_rad: Annotated[float, Field(gt=0.0, le=0.2)]
    # of where hands are mounted on the flange, about its z
    flange_yaw_rad: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    controller: str = ""  # of ros2_control; empty: the usual one of the command interface
    # who says how a real arm is: drift_interfaces/ArmState, or its maker's driver
    arm_state: Literal["message", "ur", "franka"] = "message"
    # how a person may guide the arm by hand, as its maker has it, where a device of that kind asks for it
    hand_guiding: Literal["none", "ur", "franka"] = "none"
    # of the same manager as `controller`, without its namespace; empty: as the arm's maker names it
    hand_guiding_controller: Annotated[str, Field(pattern=r"^\w*$")] = ""
    # where arm and gripper say where they are, of their drivers, relative to the namespace
    joint_state_topics: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = (
        "joint_states",
    )
    poses_rad: dict[str, PerJoint] = field(default_factory=dict)  # to plan to by name, beside home
    description: str = field(default="")

    @model_validator(mode="after")
    def _fits_together(self) -> "RobotConfig":
        if self.arm not in ARMS:
            raise ValueError(f"arm={self.arm!r} must be one of {sorted(ARMS)}")
        n = ARMS[self.arm].n_joints
        lists: dict[str, tuple[object, ...]] = {
            "joint_names": self.joint_names,
            "home_rad": self.home_rad,
            "limits.position_low_rad": self.limits.position_low_rad,
            "limits.position_high_rad": self.limits.position_high_rad,
            "limits.velocity_rad_s": self.limits.velocity_rad_s,
            "limits.acceleration_rad_s2": self.limits.acceleration_rad_s2,
            "limits.jerk_rad_s3": self.limits.jerk_rad_s3,
            "limits.braking_jerk_rad_s3": self.limits.braking_jerk_rad_s3,
        }
        lists |= {f"poses_rad.{name}": values for name, values in self.poses_rad.items()}
        for name, values in lists.items():
            if len(values) != n:
                raise ValueError(f"{name} has {len(values)} values, must have {n}, one per joint")
        names = [*self.joint_names, *self.gripper.joints]
        if len(set(names)) != len(names):
            raise ValueError(f"joint_names and gripper.joints={names} must not repeat a name")
        jerks = zip(self.joint_names, self.limits.jerk_rad_s3, self.limits.braking_jerk_rad_s3, strict=True)
        for joint, jerk, braking in jerks:
            if braking < jerk:
                raise ValueError(
                    f"{joint}: braking_jerk_rad_s3={braking} must be at least jerk_rad_s3={jerk}"
                )
        low, high = np.array(self.limits.position_low_rad), np.array(self.limits.position_high_rad)
        for joint, lowest, highest, home in zip(self.joint_names, low, high, self.home_rad, strict=True):
            if not lowest < highest:
                raise ValueError(f"{joint}: position_low_rad={lowest} must be below {highest}")
            if not lowest <= home <= highest:
                raise ValueError(f"{joint}: home_rad={home} must lie in [{lowest}, {highest}]")
        for name, values in self.poses_rad.items():
            if (beyond := np.maximum(low - values, values - high)).max() > 0.0:
                worst = int(beyond.argmax())
                raise ValueError(
                    f"{self.joint_names[worst]}: poses_rad.{name}={values[worst]} must lie in "
                    f"[{low[worst]}, {high[worst]}]"
                )
        return self

    @model_validator(mode="after")
    def _guided_by_its_maker(self) -> "RobotConfig":
        if self.hand_guiding not in ("none", self.arm_state):
            raise ValueError(
                f"hand_guiding={self.hand_guiding!r} must be none, or arm_state={self.arm_state!r}: "
                "the arm has to say when it has stopped"
            )
        named = self.hand_guiding_controller
        if named and (self.hand_guiding == "none" or named == self.controller.rpartition("/")[2]):
            raise ValueError(
                f"hand_guiding_controller={named!r} must be another one than controller={self.controller!r}, "
                f"and empty where hand_guiding is none, got {self.hand_guiding!r}"
            )
        return self

    @model_validator(mode="after")
    def _has_these_joints(self) -> "RobotConfig":
        own = ARMS[self.arm].joint_names
        for given, name in zip(self.joint_names, own, strict=True):
            if not given.endswith(name):
                raise ValueError(f"joint_names: {given!r} must be {name!r}, perhaps with a prefix")
        pairs = zip(self.joint_names, own, strict=True)
        prefixes = sorted({given.removesuffix(name) for given, name in pairs})
        if len(prefixes) > 1:
            raise ValueError(f"joint_names={list(self.joint_names)} must share one prefix, got {prefixes}")
        return self

    @model_validator(mode="after")
    def _tighter_than_hardware(self) -> "RobotConfig":
        hardware = ARMS[self.arm].hardware
        for name in (limit.name for limit in fields(self.limits)):
            bounds = getattr(hardware, name.removeprefix("braking_"))
            for joint, value, bound in zip(self.joint_names, getattr(self.limits, name), bounds, strict=True):
                tighter = value > bound if name == "position_low_rad" else value < bound
                if not tighter:
                    raise ValueError(f"{joint}: {name}={value} must be tighter than the hardware's {bound}")
        return self

    @model_validator(mode="after")
    def _slow_enough_at_the_ends(self) -> "RobotConfig":
        limits = self.limits
        for i, taper in enumerate(ARMS[self.arm].hardware.taper or ()):
            low, high, velocity = (
                limits.position_low_rad[i],
                limits.position_high_rad[i],
                limits.velocity_rad_s[i],
            )
            if velocity > (fastest := taper.fastest_rad_s(low, high)):
                raise ValueError(
                    f"{self.joint_names[i]}: velocity_rad_s={velocity} must be at most {fastest:.3f}, "
                    f"which the hardware allows at the ends of its range [{low}, {high}]"
                )
        return self
