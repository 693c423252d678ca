"""What all objectives share: named terms of a batch, weighted and added up.

A term is a scalar with a name, such as "denoising" or "balance", as the network gives it. The objective says
which model trains, where its terms come from, and how much each of them counts.
"""

from abc import ABC, abstractmethod
from dataclasses import field
from typing import Annotated, ClassVar

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy


@dataclass(frozen=True, config=STRICT)
class Objective(ABC):
    """One thing to minimise; the fields are what config/train may say, `kind` is that of the subclass."""

    needs_reference: ClassVar[bool] = False

    weights: dict[str, Annotated[float, Field(ge=0.0)]] = field(default_factory=dict)  # by term; else 1
    # Observations to come that batches carry, in policy steps from the newest one, and whether they carry
    # returns: for networks and objectives that learn from them.
    future_steps: tuple[Annotated[int, Field(ge=1)], ...] = ()
    returns: bool = False
    # Windows without a label are drawn, too, for what lies ahead of them: video, and what the policy drove.
    unlabelled: bool = False

    @abstractmethod
    def terms(
        self,
        policy: DiffusionPolicy,
        batch: Batch,
        generator: torch.Generator,
        noise_draws: int = 1,
        shift_px: int = 0,
        reference: DiffusionPolicy | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of `batch`, each a mean over what may be trained on, not weighted.

        Of a share of a batch, what it adds to that: a sum over its windows divided by a number of all
        (`batch.share.total`). `noise_draws`: noises per window. `shift_px`: random shift of the frames that
        are encoded. `reference`: the policy as it was when the round began, for an objective that
        `needs_reference`.
        """

    def trained(self, policy: DiffusionPolicy) -> nn.Module:
        """Return the part of `policy` that trains, here all of it; the rest stays as it is."""
        return policy

    def combine(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum; ConfigError when a weight belongs to no term."""
        unknown = sorted(self.weights.keys() - terms.keys())
        if unknown:
            raise ConfigError(f"weights={unknown} of the objective must be of its terms: {sorted(terms)}")
        first, *others = (
            term if self.weights.get(name, 1.0) == 1.0 else self.weights[name] * term
            for name, term in terms.items()
        )
        return sum(others, start=first)
