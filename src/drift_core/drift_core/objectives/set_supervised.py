"""Set-supervised learning from corrections, after Li et al., arXiv 2606.01865 (its abstract) and CLIC.

A correction says more than where to go: also what was wrong. What is wanted is a set of chunks, all that lie
near enough to the person's, measured by how far the refused one lies from it; within it nothing pulls.
"""

from dataclasses import field
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.objectives.pairs import Estimates, PairObjective

_TINY = 1e-12  # under a root, whose slope at 0 is infinite


@dataclass(frozen=True, config=STRICT)
class SetSupervisedObjective(PairObjective):
    """Bring estimates of preferred chunks into the ball around them ("set"), near the reference ("kl")."""

    kind: Literal["set_supervised"] = "set_supervised"
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = field(default_factory=lambda: {"kl": 0.01})
    radius: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.3  # of the ball, as a share of the distance of both

    def of_pairs(self, found: Estimates) -> dict[str, Tensor]:
        """Return "set", the mean square by which the estimate lies outside per number, and "kl" in nats."""
        chosen, refused = found.clean
        apart = found.squares(chosen - refused).sqrt()
        away = (found.squares(chosen - found.policy[0]) + _TINY).sqrt()
        numbers = found.mask.sum(-1).clamp(min=1) * chosen.shape[-1]
        outside = (away - self.radius * apart).clamp(min=0.0).square() / numbers
        return {"set": found.mean(outside, self.least_apart), "kl": found.kl()}
