"""The settings of made-up experience."""

from typing import Annotated

from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.denoisers.mlp import MlpConfig

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class SyntheticConfig:
    """A trajectory model of what was recorded, and what is drawn from it."""

    share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5  # of a batch that is made up
    # How far each denoising step pushes chunks towards what the present policy would do; 0: as recorded.
    guidance: Annotated[float, Field(ge=0.0)] = 0.2
    # Whether the push has one length however far the policy's chunk is, or is in proportion to that.
    unit: bool = True
    chunks: Annotated[int, Field(ge=2)] = 4  # of a trajectory
    trajectories: Count = 256  # that are drawn together
    every: Count = 250  # steps of the learner after which others are drawn
    steps: Count = 2000  # gradient steps of the model
    batch_size: Count = 128
    lr: Annotated[float, Field(gt=0.0)] = 1e-3
    network: MlpConfig = MlpConfig()
    sampler: Annotated[str, Field(pattern=r"^dd[ip]m-[1-9][0-9]*$")] = "ddpm-32"

    def __post_init__(self) -> None:
        if self.sampler.endswith("-1") and self.guidance:
            raise ConfigError(
                f"sampler={self.sampler!r} must take two steps or more: the last one is never guided"
            )
