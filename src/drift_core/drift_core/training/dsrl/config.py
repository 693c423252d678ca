"""The settings of a round of DSRL."""

from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.noise import NoiseActorConfig
from drift_core.training.synthetic.config import SyntheticConfig

Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=STRICT)
class DsrlConfig:
    """`dsrl` of a train file; the policy's own weights stay as they are."""

    actor: NoiseActorConfig = NoiseActorConfig()
    # aliased: a critic of executed chunks, from which one of noises is distilled, so that also chunks whose
    # noise nobody knows teach; sac: a critic of noises alone; find: a policy gradient without one, on what
    # the newest version alone has done
    variant: Literal["aliased", "sac", "find"] = "aliased"
    steps: Count = 1500  # gradient steps of each network
    batch_size: Count = 128
    lr: Positive = 3e-4
    width: Count = 128  # of the critics
    layers: Count = 2
    gamma: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.99  # per chunk
    tau: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01  # of the slow critics, per step
    kl_nats: Positive = 6.0  # how far the actor may go from N(0, I), on average over observations
    denoised: Count = 32  # chunks that are denoised at each step for what is distilled
    demonstrations: bool = True  # demonstrations are in the replay, too; aliased only
    # By this share of the last version's may the error of chunks on held-out windows exceed it (canary.py).
    canary_tolerance: Annotated[float, Field(ge=0.0)] = 0.5
    rewards: bool = True  # what steps earned counts beside scores, where all attempts say it
    synthetic: SyntheticConfig | None = None  # made-up chunks beside recorded ones; aliased only

    def __post_init__(self) -> None:
        if self.synthetic is not None and self.variant != "aliased":
            raise ConfigError(
                f"synthetic must be left out with variant={self.variant!r}, which learns from noise: made-up "
                "chunks have none, variant: aliased learns from them"
            )
        if (
            self.synthetic is not None
            and not 0 < round(self.synthetic.share * self.batch_size) < self.batch_size
        ):
            raise ConfigError(
                f"synthetic.share={self.synthetic.share} of batch_size={self.batch_size} must be at least "
                "one chunk, and leave one"
            )
