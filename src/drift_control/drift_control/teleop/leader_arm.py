"""A leader arm: a person moves its joints, and those of the arm follow. GELLO, SO-101 and their like."""

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading, LeaderReading, LeadReading
from drift_control.teleop.command import REST, JointLead, TeleopCommand
from drift_control.teleop.lead import LeadConfig
from drift_control.teleop.panel import Panel

JointName = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=STRICT)
class LeaderJoint:
    """A joint of the leader: the arm's is asked to be at offset_rad + sign * scale * the leader's."""

    name: JointName  # in the leader's joint states
    sign: Literal[-1, 1] = 1
    scale: Annotated[float, Field(gt=0.0, le=3.0)] = 1.0
    offset_rad: Annotated[float, Field(ge=-100.0, le=100.0)] = 0.0  # for start: match; a clutch needs none


@dataclass(frozen=True, config=STRICT)
class LeaderHand:
    """The joint of the leader's hand, and where it is closed and open."""

    name: JointName
    closed: Annotated[float, Field(ge=-1000.0, le=1000.0)]  # in the unit of its joint states
    open: Annotated[float, Field(ge=-1000.0, le=1000.0)]

    @model_validator(mode="after")
    def _moves(self) -> "LeaderHand":
        if abs(self.open - self.closed) < 1e-3:
            raise ValueError(f"open={self.open} must differ from closed={self.closed} by 0.001 or more")
        return self


@dataclass(frozen=True, config=STRICT, kw_only=True)
class LeaderArmConfig(LeadConfig):
    """One leader arm, as config/joysticks/gello.yaml says: sensor_msgs/JointState, and buttons beside."""

    kind: Literal["leader"]
    joints: Annotated[tuple[LeaderJoint | None, ...], Field(min_length=1)]
    """in the order of the arm's joints; null: nobody leads it, it stays where it is when enable is pressed"""
    hand: LeaderHand | None = None
    start: Literal["clutch", "match"]
    """clutch: the arm repeats the leader's motion since the press; match: it goes where the leader is"""
    match_rad: Annotated[float, Field(gt=0.0, le=0.5)] = 0.05
    """match: until every joint has once been this near ..."""
    match_speed_rad_s: Annotated[float, Field(gt=0.0, le=0.5)] = 0.2
    """... none is faster than this"""
    speed_scale: Annotated[float, Field(gt=0.0, le=1.0)]  # share of the arm's velocity limits, at most
    jump_rad: Annotated[float, Field(gt=0.0, le=3.0)]  # no hand turns a joint further between two messages

    @model_validator(mode="after")
    def _each_once(self) -> "LeaderArmConfig":
        names = [joint.name for joint in self.joints if joint is not None]
        names += [self.hand.name] if self.hand is not None else []
        if len(set(names)) != len(names) or not any(self.joints):
            raise ValueError(f"joints and hand must name at least one joint, each once, got {names}")
        return self


class LeaderArm:
    """From messages to what leads; holds no state."""

    def __init__(self, config: LeaderArmConfig) -> None:
        self.config = config
        self._panel = Panel(config)
        self._led = np.array([joint is not None for joint in config.joints])
        self._names = [joint.name for joint in config.joints if joint is not None]
        self._heard = [*self._names, *([config.hand.name] if config.hand is not None else [])]

    def command(self, joy: JoyReading) -> TeleopCommand:
        """Return what the buttons of one message say."""
        held = self._panel.held(joy)
        return TeleopCommand.of(held, REST, held.gripper * self.config.gripper_speed_m_s)

    def problem(self, reading: LeadReading) -> str:
        """Return why joint states are refused, in words; empty: they are not."""
        if not isinstance(reading, LeaderReading):
            raise TypeError(f"{self.config.name} must be given joint states, got {reading!r}")
        if len(reading.names) != len(reading.positions):
            return f"{len(reading.names)} names and {len(reading.positions)} positions, must be as many"
        said = dict(zip(reading.names, reading.positions, strict=True))
        for name in self._heard:
            if name not in said:
                return f"no joint {name!r}; its joints: {', '.join(reading.names) or 'none'}"
            if not math.isfinite(said[name]):
                return f"joint {name!r} is at {said[name]}, must be finite"
        return ""

    def jump(self, before: LeadReading, reading: LeadReading) -> str:
        """Return which joint moved further than a hand turns it between two sound messages; empty: none."""
        limit_rad, last, said = self.config.jump_rad, _said(before), _said(reading)
        for name in self._names:
            turn_rad = abs(said[name] - last[name])
            if turn_rad > limit_rad:
                text = f"joint {name!r} jumped by {turn_rad:.2f} rad between two messages"
                return f"{text}, allowed: jump_rad={limit_rad}"
        return ""

    def lead(self, reading: LeadReading) -> JointLead:
        """Return what a sound message says."""
        config, said = self.config, _said(reading)
        positions = np.array(
            [
                0.0 if joint is None else joint.offset_rad + joint.sign * joint.scale * said[joint.name]
                for joint in config.joints
            ]
        )
        opening = None
        if (hand := config.hand) is not None:
            opening = min(max((said[hand.name] - hand.closed) / (hand.open - hand.closed), 0.0), 1.0)
        return JointLead(
            positions,
            self._led,
            config.start,
            config.speed_scale,
            config.match_rad,
            config.match_speed_rad_s,
            opening,
        )


def _said(reading: LeadReading) -> dict[str, float]:
    if not isinstance(reading, LeaderReading):
        raise TypeError(f"must be joint states, got {reading!r}")
    return dict(zip(reading.names, reading.positions, strict=True))


def load_leader_arm(path: Path) -> LeaderArm:
    """Return the device described by a file like config/joysticks/gello.yaml."""
    return LeaderArm(load_yaml(Path(path), LeaderArmConfig))
