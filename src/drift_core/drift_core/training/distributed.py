"""What the processes of torch.distributed must have in common for their gradients to be averaged."""

from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from drift_core.objectives import Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank import LayerChange, Modulated


class PolicyLoss(nn.Module):
    """The objective as a forward pass, which is what DistributedDataParallel wraps."""

    def __init__(self, policy: DiffusionPolicy, objective: Objective) -> None:
        super().__init__()
        self.policy, self.objective = policy, objective

    def forward(self, batch: Batch, generator: torch.Generator, noise_draws: int, shift_px: int) -> Any:
        """Return the scalar loss, and its terms by name without gradient."""
        terms = self.objective.terms(self.policy, batch, generator, noise_draws, shift_px)
        return self.objective.combine(terms), {name: term.detach() for name, term in terms.items()}


def averaged_loss(policy: DiffusionPolicy, objective: Objective) -> nn.Module:
    """Return the loss with gradients averaged over all processes, which from now on train the same weights:
    parameters, frozen parts and the layers' learning rates of the first process go to all."""
    loss = DistributedDataParallel(PolicyLoss(policy, objective), forward_sync_buffers=False)
    layers = [layer for layer in policy.modules() if isinstance(layer, Modulated)]
    scales = torch.tensor([layer.update_scale for layer in layers], dtype=torch.float64, device=policy.device)
    distributed.broadcast(scales, src=0)
    for layer, scale in zip(layers, scales.tolist(), strict=True):
        layer.update_scale = scale
    return loss


def share_moments(optimizer: torch.optim.AdamW, changes: list[LayerChange]) -> None:
    """Send the moments that were carried along a change of rank from the first process to all."""
    for change in changes:
        for parameter in change.new.values():
            state = optimizer.state.get(parameter, {})
            for key in ("exp_avg", "exp_avg_sq"):
                if key in state:
                    distributed.broadcast(state[key], src=0)
