"""Random networks as training leaves them: in a new one many tensors are equal, which hides mistakes."""

import torch
from torch import nn


@torch.no_grad()
def perturb(module: nn.Module, seed: int) -> None:
    """Move every number of every weight by a random amount of its own."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
