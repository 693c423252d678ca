"""The objective as a module, which is what torch.distributed can wrap."""

from typing import Any

import torch
from torch import nn

from drift_core.objectives import Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy


class PolicyLoss(nn.Module):
    """The loss of a policy as a forward pass."""

    def __init__(
        self, policy: DiffusionPolicy, objective: Objective, reference: DiffusionPolicy | None = None
    ) -> None:
        super().__init__()
        self.policy, self.objective = policy, objective
        self._reference = (reference,)  # no part of what trains, or is wrapped

    def forward(self, batch: Batch, generator: torch.Generator, noise_draws: int, shift_px: int) -> Any:
        """Return the scalar loss, and its terms by name without gradient."""
        (reference,) = self._reference
        terms = self.objective.terms(self.policy, batch, generator, noise_draws, shift_px, reference)
        return self.objective.combine(terms), {name: term.detach() for name, term in terms.items()}
