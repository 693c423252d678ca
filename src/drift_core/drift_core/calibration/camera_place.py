"""Where a camera is mounted, as measured: one file of config/calibration."""

from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.calibration.transform import StaticTransform

_UNIT = 1e-3  # how far the quaternion's length may be from 1: of numbers rounded by hand
Error = Annotated[float, Field(ge=0.0)]


@dataclass(frozen=True, config=STRICT)
class CameraPlace:
    """The pose of a camera's optical frame (x right, y down, z forward), and what it is worth."""

    robot: str  # with another hand than its usual one: ur5e+robotiq_2f85
    camera: str  # as the task's file calls it
    measured: date
    reprojection_px: Error  # root mean square
    std_m: tuple[Error, Error, Error]  # standard deviation along x, y, z of the optical frame
    std_deg: tuple[Error, Error, Error]  # and about them
    transform: StaticTransform

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.transform.quaternion_xyzw))
        if abs(length - 1.0) > _UNIT:
            raise ConfigError(
                f"transform.quaternion_xyzw={list(self.transform.quaternion_xyzw)} must have length 1, has "
                f"{length:.4f}"
            )

    def text(self, comments: tuple[str, ...]) -> str:
        """Return the file, with what is said about it in its head."""
        return "".join(f"# {line}\n" for line in comments) + (
            f"robot: {self.robot}\n"
            f"camera: {self.camera}\n"
            f"measured: {self.measured.isoformat()}\n"
            f"reprojection_px: {self.reprojection_px}\n"
            f"std_m: {list(self.std_m)} # along x, y, z of the optical frame\n"
            f"std_deg: {list(self.std_deg)} # about them\n"
            f"transform:\n{self.transform.text}"
        )

    def worth(self, today: date) -> str:
        """Return age and error in some words."""
        days = (today - self.measured).days
        age = "today" if days == 0 else f"{days} day{'s' if days != 1 else ''} old"
        error = f"±{1e3 * max(self.std_m):.2f} mm, ±{max(self.std_deg):.3f} deg"
        return f"{age}, {error}, {self.reprojection_px:.2f} px"


def file_name(robot: str, camera: str) -> str:
    """Return the name of the file for a camera of a robot."""
    return f"{robot}_{camera}.yaml"


def load_camera_place(path: Path) -> CameraPlace:
    """Read one file of config/calibration; ConfigError where it is of another camera than its name says."""
    place = load_yaml(path, CameraPlace)
    if path.name != (own := file_name(place.robot, place.camera)):
        raise ConfigError(
            f"{path}: is of robot {place.robot} and camera {place.camera}, whose file is {own}: "
            "calibrations are not copied from one to the other"
        )
    return place
