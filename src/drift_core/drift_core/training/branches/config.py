"""The settings of a round of B2-DiffuRL."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.objectives import BranchedObjective

if TYPE_CHECKING:
    from drift_core.training.config import TrainConfig


@dataclass(frozen=True, config=STRICT)
class B2Config:
    """`b2` of a train file; what does not stand here is as in the online round."""

    objective: BranchedObjective = BranchedObjective()
    groups: Annotated[int, Field(ge=1)] = 10  # starts in a round
    branches: Annotated[int, Field(ge=2)] = (
        4  # attempts from each of them, which share their paths' beginnings
    )
    # Noisy updates of a path, from its end, that branches have for themselves and that are trained: this
    # share in the first round, one more in each further round, and one more after each group whose branches
    # all ended alike, until it is the whole path.
    begin: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    steps: Annotated[int, Field(ge=1)] = 600
    lr: Annotated[float, Field(gt=0.0)] = 1e-3
    # By this share of the last version's may the held-out loss of the new one exceed it; what is learned
    # from outcomes may contradict demonstrations, what is broken is far worse.
    canary_tolerance: Annotated[float, Field(ge=0.0)] = 4.0

    def train_config(self, online: "TrainConfig") -> "TrainConfig":
        """Return the settings of the round, of the online one."""
        warmup_steps = min(online.warmup_steps, self.steps - 1)
        lr_end = min(online.lr_end, self.lr)
        return replace(online, steps=self.steps, lr=self.lr, warmup_steps=warmup_steps, lr_end=lr_end)
