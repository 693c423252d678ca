"""A task: cameras, timing and horizon of its policy, and the scene for the simulation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from drift_config.yaml_file import read_yaml
from pydantic import Field, SkipValidation
from pydantic.dataclasses import dataclass

from drift_core.observation.spec import CameraSpec, ObservationSpec

_SHARED = (
    "cameras",
    "dt_s",
    "horizon",
    "observation_steps",
    "action_steps",
    "action_space",
    "point_dims",
)
Positive = Annotated[int, Field(gt=0)]
ActionSpace = Literal["tcp_pose", "joint_position", "point"]


@dataclass(frozen=True, config=STRICT)
class CameraConfig:
    """A camera of the task: where its images come from and how they are seen."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    topic: Annotated[str, Field(min_length=1)]  # relative, e.g. camera/wrist/image_raw
    height: Annotated[int, Field(gt=0)]  # [pixel], as the policy sees them: other sizes are made to fit
    width: Annotated[int, Field(gt=0)]  # [pixel]
    # from exposure to the image's stamp; below zero where the camera's clock is behind
    latency_s: Annotated[float, Field(ge=-1, le=1)]
    reliability: Literal["best_effort", "reliable"] = "best_effort"  # of the subscriptions to its images
    latency_measured: date | None = None  # when; by drift calibrate camera-latency
    latency_error_s: Annotated[float, Field(ge=0)] | None = None  # half of the 95 % interval

    @property
    def info_topic(self) -> str:
        """Where the calibration of its images is: camera_info beside them."""
        return f"{self.topic.rpartition('/')[0]}/camera_info".lstrip("/")


@dataclass(frozen=True, config=STRICT)
class TaskConfig:
    """Everything that is fixed by the task; one file in config/tasks."""

    name: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*$")
    ]  # of several: see `together`
    cameras: tuple[CameraConfig, ...]
    dt_s: Annotated[float, Field(gt=0)]  # policy step
    horizon: Annotated[int, Field(gt=0)]  # T, steps in a chunk
    observation_steps: Annotated[int, Field(gt=0)]  # To
    action_steps: Annotated[int, Field(gt=0)]  # executed steps of a chunk, <= horizon
    action_space: ActionSpace
    max_duration_s: Annotated[float, Field(gt=0)]  # an episode that takes longer has failed
    scene: Annotated[dict[str, Any], SkipValidation]  # read by the simulation only
    point_dims: tuple[Positive, Positive] = (2, 2)  # S and A of the action space "point": plain vectors

    def __post_init__(self) -> None:
        if self.action_steps > self.horizon:
            raise ConfigError(f"action_steps={self.action_steps} must lie in [1, horizon={self.horizon}]")
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ConfigError(f"cameras={names} must have different names")

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks that this is, one unless it was made by `together`."""
        return task_names(self.name)

    @property
    def camera_specs(self) -> tuple[CameraSpec, ...]:
        """The cameras without topic and latency."""
        return tuple(CameraSpec(camera.name, camera.height, camera.width) for camera in self.cameras)

    @property
    def latency_s(self) -> dict[str, float]:
        """Latency of each camera by name [s]."""
        return {camera.name: camera.latency_s for camera in self.cameras}

    def state_dim(self, n_joints: int) -> int:
        """S for an arm with `n_joints`."""
        return self.point_dims[0] if self.action_space == "point" else 10 + n_joints

    def action_dim(self, n_joints: int) -> int:
        """A for an arm with `n_joints`."""
        dims = {"tcp_pose": 10, "joint_position": n_joints + 1, "point": self.point_dims[1]}
        return dims[self.action_space]

    def observation_spec(self, n_joints: int) -> ObservationSpec:
        """What a policy for this task sees on an arm with `n_joints`."""
        return ObservationSpec(self.camera_specs, self.state_dim(n_joints), self.observation_steps, self.dt_s)


def task_names(name: str) -> tuple[str, ...]:
    """Return the names of the tasks in that of several, place+insert, or of one."""
    return tuple(name.split("+"))


def together(tasks: Sequence[TaskConfig]) -> TaskConfig:
    """Return what stands for `tasks` where one policy is to learn them, called place+insert; without scene.

    ConfigError where they differ in what a policy sees or does, or one is there twice.
    """
    first, *others = tasks
    if not others:
        return first
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ConfigError(f"task={'+'.join(names)} must name each task once")
    for other in others:
        for what in _SHARED:
            here, there = getattr(first, what), getattr(other, what)
            if here != there:
                raise ConfigError(
                    f"task={other.name}: {what}={there} must be that of task={first.name}, {here}: "
                    "one policy is to learn both"
                )
    return replace(
        first, name="+".join(names), max_duration_s=max(task.max_duration_s for task in tasks), scene={}
    )


def load_task(path: Path | str) -> TaskConfig:
    """Read one file of config/tasks; its scene keeps its lines for whoever checks it."""
    task = load_yaml(path, TaskConfig)
    if len(task.names) > 1:
        raise ConfigError(f"{path}: name={task.name!r} must be that of one task, without +")
    return replace(task, scene=read_yaml(path).section("scene"))
