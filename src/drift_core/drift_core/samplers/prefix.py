"""Known actions that a new chunk begins with, so that chunks join (real-time chunking by in-painting)."""

import math
from dataclasses import dataclass

import torch
from drift_config.errors import ConfigError
from torch import Tensor


@dataclass(frozen=True)
class Prefix:
    """Actions that will run anyway while a chunk is computed, and how strongly each step is held to them."""

    known: Tensor  # (B, T, A); rows with weight 0 are not read
    weight: Tensor  # (T,) in [0, 1]: 1 imposed, 0 free, between: blended

    def impose(self, x: Tensor, abar: float, noise: Tensor) -> Tensor:
        """Return `x` (B, T, A) with the known actions, at the noise level of `abar`, blended in."""
        weight = self.weight.to(x)[None, :, None]  # (1, T, 1)
        noised = math.sqrt(abar) * self.known.to(x) + math.sqrt(1.0 - abar) * noise
        return torch.where(weight > 0.0, weight * noised + (1.0 - weight) * x, x)


def prefix_weights(imposed: int, overlap: int, horizon: int) -> Tensor:
    """Return weights (T,): 1 for `imposed` steps, then falling to 0 at step `overlap`, 0 beyond.

    The fall is the soft mask of real-time chunking (Black et al., arXiv 2506.07339, eq. 5):
    c (e^c - 1) / (e - 1) with c going linearly from 1 to 0.
    """
    if not 0 <= imposed <= overlap <= horizon:
        raise ConfigError(
            f"imposed={imposed}, overlap={overlap} must satisfy 0 <= imposed <= overlap <= horizon={horizon}"
        )
    step = torch.arange(horizon, dtype=torch.float32)
    c = ((overlap - step) / (overlap - imposed + 1)).clamp(0.0, 1.0)
    return torch.where(step < imposed, 1.0, c * torch.expm1(c) / math.expm1(1.0))
