"""D3PO (Yang et al., CVPR 2024, arXiv 2311.13231): preferences at every step of the denoising path, without a
reward model.

    -log sigma(beta (log pi/pi_ref (chosen) - log pi/pi_ref (refused)))

Ratios are sums over all numbers of a chunk, and never clipped: a pair that is wrong by far can be repaired.
"""

from dataclasses import field
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn import functional

from drift_core.objectives.pairs import Estimates, PairObjective


@dataclass(frozen=True, config=STRICT)
class D3poObjective(PairObjective):
    """Make preferred chunks likelier beside refused ones ("preference"), near the reference ("kl")."""

    kind: Literal["d3po"] = "d3po"
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = field(default_factory=lambda: {"kl": 1.0})
    beta: Annotated[float, Field(gt=0.0)] = 0.1  # per nat: how soon a pair counts as learned

    def of_pairs(self, found: Estimates) -> dict[str, Tensor]:
        """Return "preference", ln 2 where nothing is learned yet, and "kl" in nats per path step."""
        before = found.squares(found.clean - found.reference)
        ratio = found.nats * (before - found.squares(found.clean - found.policy))  # (2, N) log pi/pi_ref
        margin = self.beta * (ratio[0] - ratio[1])
        lost = functional.softplus(-margin)
        return {"preference": found.mean(lost, self.least_apart), "kl": found.kl()}
