"""The `scene` section of config/tasks/*.yaml for tasks on the table: what stands where, what counts."""

from typing import Annotated, Literal

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_core.observation.spec import STRICT
from drift_core.task import TaskConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

Positive = Annotated[float, Field(gt=0)]
Vector2 = tuple[float, float]
Vector3 = tuple[float, float, float]
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


@dataclass(frozen=True, config=STRICT)
class CameraPose:
    """Where a camera stands: fixed in the base frame, or carried by the hand in the hand's frame."""

    frame: Literal["base", "hand"]
    position_m: Vector3
    look_at_m: Vector3
    fovy_deg: Annotated[float, Field(gt=0, lt=180)]


@dataclass(frozen=True, config=STRICT)
class ExpertConfig:
    """How the scripted expert moves, and when it takes over."""

    linear_m_s: Positive  # speed of the stick-driven TCP [m/s]
    angular_rad_s: Positive  # [rad/s]
    gain_1_s: Positive  # speed per distance near the target [1/s]
    brake_m_s2: Positive  # speed falls as sqrt(2 · brake · distance) [m/s²]
    hover_m: Positive  # height of the funnel far from its axis [m]
    funnel_inner_m: Positive  # lateral error below which the funnel ends at the target height [m]
    funnel_outer_m: Positive  # lateral error from which the funnel has its full height [m]
    goal_inner_m: Positive  # the same for the goal's funnel
    goal_outer_m: Positive
    yaw_weight_m_rad: float  # lateral error that one radian of yaw error counts as [m/rad]
    grip_tolerance_m: Positive  # close the hand within this distance of the grasp [m]
    held_margin_m: Positive  # the box is held below its width plus this opening [m]
    release_height_m: Positive  # open below this TCP height above the resting grip [m]
    retreat_m: Positive  # height to rise by after the release [m]
    gripper_m_s: Positive  # speed of the opening, for the cost-to-go [m/s]
    stray_ticks: Positive  # take over when the cost-to-go exceeds its best by this many 0.1-s ticks
    stall_s: Positive  # take over when the cost-to-go made no new best for this long [s]
    # None: as stray_ticks says. A cosine: instead, take over when the arm moves elsewhere than the expert
    # would, as in the simulations of DRIFT-DAgger; a stall counts all the same, since a hand that does not
    # close or open has no direction.
    cosine_threshold: Annotated[float, Field(ge=-1, le=1)] | None
    hand_back_s: Positive  # hand back after this long, or at success [s]
    tremor_m_s: Annotated[
        float, Field(ge=0)
    ]  # standard deviation of the hand's tremor in demonstrations [m/s]
    tremor_time_s: Positive  # its correlation time [s]


@dataclass(frozen=True, config=STRICT)
class SceneConfig:
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


def parse_scene(task: TaskConfig) -> SceneConfig:
    """Validate the scene of a task on the table; every camera of the task needs a pose."""
    scene = parse(task.scene, SceneConfig, source=f"scene of task {task.name}")
    for camera in task.cameras:
        if camera.name not in scene.cameras:
            allowed = ", ".join(scene.cameras)
            raise ConfigError(f"camera={camera.name!r} of task {task.name} must be one of {allowed}")
    return scene
