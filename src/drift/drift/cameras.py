"""Drivers of cameras: a file of config/cameras each, started for the cameras of a task by `cameras:=`."""

from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated

from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from drift_core.task import TaskConfig
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import config_file
from drift.errors import UserError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./]*$")]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z~/][A-Za-z0-9_~/]*$")]


@dataclass(frozen=True, config=STRICT)
class CameraDriver:
    """The program that reads a camera and publishes its pictures as sensor_msgs/Image."""

    name: Name
    package: Name
    executable: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]  # no path
    parameters: dict[ParameterName, bool | int | float | str]
    image_topic: TopicName  # as the driver calls it; remapped to the topic of the task's camera
    info_topic: TopicName  # likewise, to camera_info beside it
    device_parameter: ParameterName  # a text that says which of several devices


@plain_dataclass(frozen=True)
class StartedCamera:
    """One camera of a task with its driver."""

    name: str
    driver: CameraDriver
    parameters: dict[str, bool | int | float | str]
    remappings: dict[str, str]


def load_camera(path: Path) -> CameraDriver:
    """Read one file of config/cameras."""
    return load_yaml(path, CameraDriver)


def started_cameras(said: str, task: TaskConfig) -> list[StartedCamera]:
    """Return what `said` asks for: CAMERA=DRIVER or CAMERA=DRIVER@DEVICE, several joined by commas.

    UserError names a camera that the task does not have, and a driver without a file.
    """
    topics = {camera.name: camera.topic for camera in task.cameras}
    infos = {camera.name: camera.info_topic for camera in task.cameras}
    cameras: list[StartedCamera] = []
    for word in filter(None, said.split(",")):
        name, _, rest = word.partition("=")
        kind, _, device = rest.partition("@")
        if name not in topics:
            raise UserError(f"cameras={said}: task={task.name} has no camera {name}; {_form(topics)}")
        if name in [camera.name for camera in cameras]:
            raise UserError(f"cameras={said} must name {name} once only; {_form(topics)}")
        driver = load_camera(config_file("camera", kind))
        cameras.append(
            StartedCamera(
                name,
                driver,
                {**driver.parameters, **({driver.device_parameter: device} if device else {})},
                {driver.image_topic: topics[name], driver.info_topic: infos[name]},
            )
        )
    return cameras


def _form(topics: dict[str, str]) -> str:
    return f"allowed: {', '.join(f'{name}=DRIVER[@DEVICE]' for name in topics)}, joined by commas"
