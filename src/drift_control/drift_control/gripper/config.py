"""What config/grippers/*.yaml says about a gripper; every value is checked here and trusted elsewhere."""

import math
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

NearHand = Annotated[float, Field(ge=-0.5, le=0.5)]
HULL = ("hand_palm", "hand_body")  # the names that the arms' collision pairs know


@dataclass(frozen=True, config=STRICT)
class JointMap:
    """What one joint adds to the opening [m] at position q [rad or m]: at_zero_m + m_per_unit * q."""

    m_per_unit: Annotated[float, Field(ge=-2.0, le=2.0)]  # below zero where the opening falls as q rises
    at_zero_m: Annotated[float, Field(ge=-0.3, le=0.3)] = 0.0

    @model_validator(mode="after")
    def _turns_back(self) -> "JointMap":
        if self.m_per_unit == 0.0:
            raise ValueError("m_per_unit=0.0 must not be 0")
        return self

    def share_m(self, q: float) -> float:
        """Return what the joint at `q` adds to the opening [m]."""
        return self.at_zero_m + self.m_per_unit * q

    def position(self, share_m: float) -> float:
        """Return where the joint adds `share_m`."""
        return (share_m - self.at_zero_m) / self.m_per_unit


@dataclass(frozen=True, config=STRICT)
class HullCapsule:
    """All points within `radius_m` of a segment, in the frame of the mount: z out of the hand."""

    start_m: tuple[NearHand, NearHand, NearHand]
    end_m: tuple[NearHand, NearHand, NearHand]
    radius_m: Annotated[float, Field(gt=0.0, le=0.3)]


@dataclass(frozen=True, config=STRICT)
class Gripper:
    """A parallel-jaw hand, or none: where it sits on the flange, how its joints add up, who drives it."""

    name: str
    interface: Literal["none", "forward_position", "gripper_command", "parallel_gripper_command", "franka"]
    # from the flange along its z axis to the point between the finger pads, or to the tip of a fixed tool
    tcp_offset_m: Annotated[float, Field(ge=0.0, le=0.5)]
    # topic, action, or for `franka` the node that offers the actions; relative to the namespace
    topic: str = ""
    joints: dict[str, JointMap] = field(default_factory=dict)
    opening_max_m: Annotated[float, Field(ge=0.0, le=0.3)] = 0.0
    speed_m_s: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0  # fastest change of the opening
    force_n: Annotated[float, Field(ge=0.0, le=300.0)] = (
        0.0  # of each finger, at most; kept by the hand itself
    )
    mass_kg: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    # of the hand against the arm's flange, about z; fingers open along the turned y
    mount_yaw_rad: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    # of its joint states, the oldest that count: Franka's hand sends 15 a second, others 4
    state_timeout_s: Annotated[float, Field(gt=0.0, le=5.0)] = 0.5
    hull: dict[str, HullCapsule] = field(default_factory=dict)

    @model_validator(mode="after")
    def _moves_or_not(self) -> "Gripper":
        moving = {
            "topic": self.topic,
            "joints": self.joints,
            "opening_max_m": self.opening_max_m,
            "speed_m_s": self.speed_m_s,
            "force_n": self.force_n,
        }
        for name, value in moving.items():
            if self.interface == "none" and value:
                raise ValueError(f"{name}={value!r} must be left out with interface none")
            if self.interface != "none" and not value:
                raise ValueError(f"{name}={value!r} must be given with interface {self.interface}")
        return self

    @model_validator(mode="after")
    def _one_joint_for_an_action(self) -> "Gripper":
        if self.interface.endswith("gripper_command") and len(self.joints) != 1:
            raise ValueError(f"joints={sorted(self.joints)} must be one with interface {self.interface}")
        return self

    @model_validator(mode="after")
    def _hull_is_known(self) -> "Gripper":
        wanted = () if self.interface == "none" else HULL
        if not set(wanted) <= set(self.hull) <= set(HULL):
            raise ValueError(f"hull={sorted(self.hull)} must name {' and '.join(HULL)}")
        return self

    def opening_m(self, positions: Mapping[str, float]) -> float:
        """Return the opening [m] at these positions of all of its joints."""
        return sum(joint.share_m(positions[name]) for name, joint in self.joints.items())

    def positions(self, opening_m: float) -> list[float]:
        """Return where its joints are at an opening [m], in their order; each adds the same to it."""
        return [joint.position(opening_m / len(self.joints)) for joint in self.joints.values()]
