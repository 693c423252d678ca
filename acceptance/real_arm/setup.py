"""An arm under test: its files, its controller, what plays its driver, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drift_sim.ros.stand_in.options import ArmOptions
from drift_sim.ros.stand_in.ros2_control import Ros2Control
from drift_sim.ros2_control.lagging_arm import LaggingArm

if TYPE_CHECKING:
    from acceptance.real_arm.fault import Fault
    from acceptance.real_arm.guided import GuidedFault


@dataclass(frozen=True)
class Driver:
    """What speaks for the robot beside its controller."""

    robot: Any  # UrRobot or FrankaRobot
    hand: Any = None  # FrankaHand


@dataclass(frozen=True)
class Setup:
    """One arm."""

    name: str
    robot: str  # of config/robots, with its hand
    options: ArmOptions
    arm: type[LaggingArm]
    driver: Callable[[Ros2Control], Driver]
    faults: tuple[Fault, ...]  # while a person drives
    guided: tuple[GuidedFault, ...]  # while a person guides it by hand
