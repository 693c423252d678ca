"""The middle of the range of all actions: a draft that knows nothing, to compare with."""

from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.drafts.draft_network import DraftNetwork


@dataclass(frozen=True, config=STRICT)
class ZerosConfig:
    """Settings of `ZeroDraft`."""

    kind: Literal["zeros"] = "zeros"
    level: Annotated[float, Field(gt=0, le=1)] = 0.25


class ZeroDraft(DraftNetwork):
    """A chunk of zeros."""

    def forward(self, condition: Tensor) -> Tensor:
        """Return zeros (B, T, A)."""
        return condition.new_zeros(condition.shape[0], self.room.horizon, self.room.action_dim)
