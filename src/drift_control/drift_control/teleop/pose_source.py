"""A thing whose pose is tracked, carried by a person: a VR controller, a phone."""

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_control.inputs import JoyReading, LeadReading, PoseReading
from drift_control.robot.pose import Pose, rotation_from_quaternion, rotation_from_vector, rotation_vector
from drift_control.teleop.command import REST, TcpLead, TeleopCommand
from drift_control.teleop.lead import LeadConfig
from drift_control.teleop.panel import Panel

UNIT = 0.01  # by which the length of a quaternion may differ from 1
Angle = Annotated[float, Field(ge=-math.pi, le=math.pi)]


@dataclass(frozen=True, config=STRICT, kw_only=True)
class PoseSourceConfig(LeadConfig):
    """One tracked thing, as config/joysticks/vr.yaml says: geometry_msgs/PoseStamped, and buttons beside."""

    kind: Literal["pose"]
    frame_id: Annotated[str, Field(min_length=1)]  # of its messages; others are refused
    frame: Literal["base", "tool"]  # base: its way in the room; tool: its way as it sees it itself
    axes_rpy_rad: tuple[Angle, Angle, Angle] = (
        0.0,
        0.0,
        0.0,
    )  # its axes in those of `frame`: roll, pitch, yaw
    scale: Annotated[float, Field(gt=0.0, le=3.0)]  # metres of the TCP for a metre of the thing
    linear_speed_m_s: Annotated[float, Field(gt=0.0, le=0.25)]  # of the TCP, at most
    angular_speed_rad_s: Annotated[float, Field(gt=0.0, le=2.0)]
    jump_m: Annotated[float, Field(gt=0.0, le=1.0)]  # no hand moves further between two messages
    jump_rad: Annotated[float, Field(gt=0.0, le=3.0)]


class PoseSource:
    """From messages to what leads; holds no state."""

    def __init__(self, config: PoseSourceConfig) -> None:
        self.config = config
        self._panel = Panel(config)
        roll, pitch, yaw = (
            rotation_from_vector(np.array(axis) * angle)
            for axis, angle in zip(np.eye(3), config.axes_rpy_rad, strict=True)
        )
        self._axes = yaw @ pitch @ roll

    def command(self, joy: JoyReading) -> TeleopCommand:
        """Return what the buttons of one message say."""
        held = self._panel.held(joy)
        return TeleopCommand.of(held, REST, held.gripper * self.config.gripper_speed_m_s)

    def problem(self, reading: LeadReading) -> str:
        """Return why a pose is refused, in words; empty: it is not."""
        if not isinstance(reading, PoseReading):
            raise TypeError(f"{self.config.name} must be given poses, got {reading!r}")
        if reading.frame_id != self.config.frame_id:
            return f"frame_id is {reading.frame_id!r}, must be {self.config.frame_id!r}"
        if not all(map(math.isfinite, reading.position_m)):
            return f"position is {list(reading.position_m)}, must be finite"
        length = math.hypot(*reading.quaternion)
        if not abs(length - 1.0) <= UNIT:
            return f"orientation is {list(reading.quaternion)}, of length {length:.3g}, must be 1"
        return ""

    def jump(self, before: LeadReading, reading: LeadReading) -> str:
        """Return how far it moved where no hand does, between two sound messages; empty: it did not."""
        config, last, pose = self.config, _pose(before), _pose(reading)
        way_m = float(np.linalg.norm(pose.position - last.position))
        if way_m > config.jump_m:
            return f"jumped by {way_m:.3f} m between two messages, allowed: jump_m={config.jump_m}"
        turn_rad = float(np.linalg.norm(rotation_vector(last.rotation.T @ pose.rotation)))
        if turn_rad > config.jump_rad:
            return f"jumped by {turn_rad:.2f} rad between two messages, allowed: jump_rad={config.jump_rad}"
        return ""

    def lead(self, reading: LeadReading) -> TcpLead:
        """Return what a sound message says."""
        config = self.config
        return TcpLead(
            _pose(reading),
            self._axes,
            config.frame,
            config.scale,
            config.linear_speed_m_s,
            config.angular_speed_rad_s,
        )


def _pose(reading: LeadReading) -> Pose:
    if not isinstance(reading, PoseReading):
        raise TypeError(f"must be a pose, got {reading!r}")
    quaternion = np.array(reading.quaternion, dtype=float)
    return Pose(np.array(reading.position_m, dtype=float), rotation_from_quaternion(quaternion))


def load_pose_source(path: Path) -> PoseSource:
    """Return the device described by a file like config/joysticks/vr.yaml."""
    return PoseSource(load_yaml(Path(path), PoseSourceConfig))
