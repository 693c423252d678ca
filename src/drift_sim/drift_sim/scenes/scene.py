"""What every kind of scene with an arm has to say; `World` does the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Annotated, Literal, Protocol, runtime_checkable
from xml.etree.ElementTree import Element

import numpy as np
from drift_config.strict import STRICT
from drift_control.robot.pose import Pose
from pydantic import Field
from pydantic.dataclasses import dataclass as checked_dataclass

from drift_sim.headless import mujoco

Vector3 = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
# The score of an attempt that came all the way without a success; 0: nothing but success counts.
PartialCredit = Annotated[float, Field(ge=0, lt=1)]
TICK_S = 0.1  # unit of the cost-to-go


class TaskOutcome(IntEnum):
    """Outcome of the running episode; values as in drift_interfaces/msg/Outcome."""

    RUNNING = 0
    SUCCESS = 1
    FAILURE = 2


@dataclass(frozen=True)
class Truth:
    """What only a simulation knows; poses in the robot's base frame."""

    object: Pose  # centre of the box
    goal: Pose  # centre of the disc or slot, on the table


class TaskPhase(Enum):
    """Names for what the expert is doing."""

    APPROACH = "approach"  # go to the box with an open hand
    GRIP = "grip"  # close the hand where it is
    CARRY = "carry"  # bring the box over its goal and down
    RELEASE = "release"  # open the hand where it is
    RETREAT = "retreat"  # rise with an open hand
    REST = "rest"  # the task is done


@dataclass(frozen=True)
class View:
    """What the expert looks at."""

    tcp: Pose
    opening_m: float
    truth: Truth


@dataclass(frozen=True)
class ExpertMotion:
    """What the expert wants the TCP to do, in the base frame."""

    phase: TaskPhase
    linear_m_s: np.ndarray  # (3,)
    angular_rad_s: np.ndarray  # (3,)
    gripper: int  # +1 open, 0 leave, -1 close


@checked_dataclass(frozen=True, config=STRICT)
class CameraPose:
    """Where a camera stands: fixed in the base frame, or carried by the hand in the hand's frame."""

    frame: Literal["base", "hand"]
    position_m: Vector3
    look_at_m: Vector3
    fovy_deg: Annotated[float, Field(gt=0, lt=180)]


@checked_dataclass(frozen=True, config=STRICT)
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


class ExpertPlan(Protocol):
    """The scripted expert's knowledge of a task; memoryless, so that it can take over anywhere."""

    def wish(self, view: View) -> ExpertMotion:
        """Return what to do in this state."""

    def cost_to_go(self, view: View) -> float:
        """Return an estimate of the time to success in ticks of 0.1 s; it falls steadily on a good way."""


@runtime_checkable
class ArmScene(Protocol):
    """Things on the table before an arm: where they start, when the task is done, how it is done.

    One object per world. `build` is called first, then `bind` with the compiled model, then the others.
    """

    @property
    def cameras(self) -> Mapping[str, CameraPose]:
        """Pose of each camera by name."""

    @property
    def expert(self) -> ExpertConfig:
        """How the scripted expert moves."""

    @property
    def partial_credit(self) -> float:
        """The score of an attempt that came all the way without a success."""

    def tcp_points(self) -> Iterable[tuple[str, np.ndarray]]:
        """Return what the TCP must be able to reach, hand as at home: a name and a point (3,) [m] each.

        In the robot's base frame.
        """

    def build(self, world: Element) -> None:
        """Append the things to the `worldbody`."""

    def bind(self, model: mujoco.MjModel) -> None:
        """Find the things in the compiled model."""

    def place(self, data: mujoco.MjData, seed: int) -> None:
        """Put the things where `seed` wants them."""

    def begin(self) -> None:
        """Judge anew: an episode begins."""

    def move_goal(self, data: mujoco.MjData) -> None:
        """Move the goal inside the region that it starts in."""

    def bodies(self) -> set[int]:
        """Return the ids of the bodies that the hand may not touch at a reset."""

    def judge(self, data: mujoco.MjData, gripper_m: float, step: int) -> TaskOutcome:
        """Return what the state after physics step `step`, with the hand open by `gripper_m`, means."""

    def truth(self, data: mujoco.MjData) -> Truth:
        """Return where the things are."""

    def plan(self, home: Pose) -> ExpertPlan:
        """Return the expert's plan; `home`: the TCP in the home pose, in the base frame."""
