"""What a policy sees at one tick: camera images and the state of the arm, aligned in time."""

from dataclasses import dataclass as plain_dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=STRICT)
class CameraSpec:
    """One camera as the policy sees it."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    height: Annotated[int, Field(gt=0)]  # [pixel]
    width: Annotated[int, Field(gt=0)]  # [pixel]


@dataclass(frozen=True, config=STRICT)
class ObservationSpec:
    """Shapes and spacing of an observation; stored in the checkpoint beside the weights that expect it."""

    cameras: tuple[CameraSpec, ...]
    state_dim: Annotated[int, Field(gt=0)]  # S
    observation_steps: Annotated[int, Field(gt=0)]  # To, newest last
    dt_s: Annotated[float, Field(gt=0)]  # spacing of the observation steps

    def __post_init__(self) -> None:
        names = [camera.name for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ConfigError(f"cameras={names} must have different names")


class Image(Protocol):
    """RGB, (H, W, 3) uint8: an array, or what becomes one as soon as somebody looks (`np.asarray`)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __array__(self) -> np.ndarray: ...


@plain_dataclass(frozen=True, eq=False)
class Observation:
    """One observation; index To - 1 is the newest step, at `t_ref_s`."""

    t_ref_s: float  # time the newest step stands for [s]
    images: dict[str, np.ndarray]  # by camera: (To, H, W, 3) uint8 RGB
    state: np.ndarray  # (To, S) float32
    oldest_input_s: float  # time of the oldest camera or joint sample used [s]
