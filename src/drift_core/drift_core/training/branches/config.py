"""The settings of a round of B2-DiffuRL."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

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
    groups: Annotated[int, Field(ge=1)] = 4  # starts in a round
    # Attempts from each of them. Few tell little of how good their common start is, which is what each is
    # measured by.
    branches: Annotated[int, Field(ge=2)] = 10
    # The draws of a path, from its last noise back to its first latent, that branches have for themselves and
    # of which the noise is trained: this share in the first round, one more in each further round, and twice
    # as many after each group whose branches all ended alike, until it is all of them. 1: all from the
    # first round on.
    begin: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    # Branches whose scores all lie closer together than this ended alike: partial credit differs by a little
    # between any two attempts.
    least_apart: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    # What an attempt is measured by: the mean score of its own group, or that of all attempts of the round,
    # as without branches.
    baseline: Literal["group", "round"] = "group"
    steps: Annotated[int, Field(ge=1)] = 600
    lr: Annotated[float, Field(gt=0.0)] = 1e-3
    # Attempts from the same starts that the last version and the new one make each, with the sampler that
    # drives: where fewer of the new one's succeed, or its mean score is lower, it is not announced. 0: none.
    canary_attempts: Annotated[int, Field(ge=0)] = 20
    # By this share of the last version's may the held-out loss of the new one exceed it; what is learned
    # from outcomes may contradict demonstrations, what is broken is far worse.
    canary_tolerance: Annotated[float, Field(ge=0.0)] = 4.0

    def train_config(self, online: "TrainConfig") -> "TrainConfig":
        """Return the settings of the round, of the online one."""
        warmup_steps = min(online.warmup_steps, self.steps - 1)
        lr_end = min(online.lr_end, self.lr)
        return replace(online, steps=self.steps, lr=self.lr, warmup_steps=warmup_steps, lr_end=lr_end)
