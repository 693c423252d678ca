"""The `scene` section of a task of kind `table`: what stands where, what counts."""

from typing import Annotated, Literal

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_config.strict import STRICT
from drift_core.task import TaskConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_sim.scenes.scene import CameraPose, ExpertConfig, PartialCredit, Positive, Vector3

Vector2 = tuple[float, float]
Color = tuple[float, float, float, float]


@dataclass(frozen=True, config=STRICT)
class ObjectConfig:
    """The thing to carry: a box with a square footprint, gripped across."""

    half_size_m: tuple[Positive, Positive, Positive]  # half edges; x and y equal
    mass_kg: Positive
    rgba: Color
    grip_height_m: float  # height of the TCP above the box's centre when gripping [m]


@dataclass(frozen=True, config=STRICT)
class DiscConfig:
    """A painted disc on the table; nothing to collide with."""

    kind: Literal["disc"]
    radius_m: Positive
    rgba: Color


@dataclass(frozen=True, config=STRICT)
class SlotConfig:
    """A square frame on the table that the box must enter."""

    kind: Literal["slot"]
    clearance_m: float  # free room on each side of the box [m]
    wall_height_m: Positive
    wall_thickness_m: Positive
    rgba: Color


@dataclass(frozen=True, config=STRICT)
class ResetConfig:
    """Uniform ranges of the start poses, in the robot's base frame."""

    object_low_m: Vector2
    object_high_m: Vector2
    object_yaw_rad: Vector2
    goal_low_m: Vector2
    goal_high_m: Vector2
    goal_yaw_rad: Vector2


@dataclass(frozen=True, config=STRICT)
class SuccessConfig:
    """Success: the box rests upright on its goal, released, for a while. Failure: it left the table area."""

    xy_m: Positive  # largest horizontal distance from the goal's centre [m]
    height_m: Positive  # largest height of the box's centre above its resting height [m]
    released_opening_m: Positive  # the hand counts as open from here on [m]
    speed_m_s: Positive  # the box counts as at rest below this [m/s]
    hold_s: Annotated[float, Field(ge=0)]  # all of it must last this long [s]
    lost_low_m: Vector3  # the box is lost outside this region
    lost_high_m: Vector3
    partial_credit: PartialCredit


@dataclass(frozen=True, config=STRICT)
class TableConfig:
    """All of it."""

    kind: Literal["table"]
    object: ObjectConfig
    goal: Annotated[DiscConfig | SlotConfig, Field(discriminator="kind")]
    reset: ResetConfig
    success: SuccessConfig
    cameras: dict[str, CameraPose]
    expert: ExpertConfig

    @property
    def grip_width_m(self) -> float:
        """Opening of the hand that just touches the box [m]."""
        return 2.0 * self.object.half_size_m[1]

    @property
    def rest_height_m(self) -> float:
        """Height of the centre of the resting box above the table [m]."""
        return self.object.half_size_m[2]

    @property
    def grip_offset_m(self) -> np.ndarray:
        """From the box's centre to the TCP that grips it (3,) [m]."""
        return np.array([0.0, 0.0, self.object.grip_height_m])


def parse_table(task: TaskConfig) -> TableConfig:
    """Validate the scene of a task on the table; every camera of the task needs a pose."""
    scene = parse(task.scene, TableConfig, source=f"scene of task {task.name}")
    for camera in task.cameras:
        if camera.name not in scene.cameras:
            allowed = ", ".join(scene.cameras)
            raise ConfigError(f"camera={camera.name!r} of task {task.name} must be one of {allowed}")
    return scene
