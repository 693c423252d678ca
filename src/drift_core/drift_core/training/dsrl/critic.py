"""How well an attempt will end: several networks, of which the most cautious counts."""

import copy

import torch
from torch import Tensor, nn

from drift_core.noise.actor import perceptron


class Critic(nn.Module):
    """Expected score (B,), given condition (B, C) and what is done (B, D), with a slow copy of itself."""

    def __init__(self, condition_dim: int, dims: int, width: int, layers: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            nn.Sequential(perceptron(condition_dim + dims, width, layers), nn.Linear(width, 1))
            for _ in range(2)
        )
        self.slow_networks = copy.deepcopy(self.networks).requires_grad_(False)

    def forward(self, condition: Tensor, done: Tensor) -> Tensor:
        """Return what each network says, (2, B)."""
        return _ask(self.networks, condition, done)

    def cautious(self, condition: Tensor, done: Tensor) -> Tensor:
        """Return the lower one of both, (B,)."""
        return self(condition, done).amin(0)

    @torch.no_grad()
    def slow(self, condition: Tensor, done: Tensor) -> Tensor:
        """Return the lower one of both slow copies, (B,)."""
        return _ask(self.slow_networks, condition, done).amin(0)

    @torch.no_grad()
    def follow(self, tau: float) -> None:
        """Let the slow copy go a part `tau` of the way."""
        for slow, fast in zip(self.slow_networks.parameters(), self.networks.parameters(), strict=True):
            slow.lerp_(fast, tau)


def _ask(networks: nn.ModuleList, condition: Tensor, done: Tensor) -> Tensor:
    seen = torch.cat([condition, done], dim=-1)
    return torch.stack([network(seen)[:, 0] for network in networks])
