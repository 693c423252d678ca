"""A Gaussian over the first latent of a chunk, given the condition: what DSRL (arXiv 2506.15799) and FIND
(arXiv 2407.19453) train in place of the policy's weights.

It moves the noise that a sample begins from anyway, z ~ N(0, I):

    w = mean(c) + sigma(c) z,   no longer than `max_norm` times what z is on average

A new one has mean 0 and sigma 1: chunks are then those of the policy without it.
"""

import math
from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

_LOG_SIGMA_MIN, _LOG_SIGMA_MAX = -3.0, 0.5


@dataclass(frozen=True, config=STRICT)
class NoiseActorConfig:
    """Its size, and what of the latent it may choose."""

    # full: all T*A numbers. steady: for each of the A columns what all steps share, the rest stays as drawn,
    # so that a new one still gives N(0, I). repeated: the same A numbers at every step, as published for
    # large chunks; the policy has not seen such noise.
    latent: Literal["full", "steady", "repeated"] = "full"
    width: Annotated[int, Field(ge=1)] = 128
    layers: Annotated[int, Field(ge=1)] = 2
    max_norm: Annotated[float, Field(gt=0.0)] = 1.5  # of a latent, as a share of the norm sqrt(T*A)


class NoiseActor(nn.Module):
    """The first latent (B, T, A) of chunks, given conditions (B, C)."""

    def __init__(self, config: NoiseActorConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        super().__init__()
        self.config, self._steps, self._columns = config, horizon, action_dim
        self.dims = horizon * action_dim if config.latent == "full" else action_dim  # D, numbers it chooses
        self.trunk = perceptron(condition_dim, config.width, config.layers)
        self.head = nn.Linear(config.width, 2 * self.dims)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of sigma, (B, D) each."""
        mean, log_sigma = self.head(self.trunk(condition)).chunk(2, dim=-1)
        return mean, log_sigma.clamp(_LOG_SIGMA_MIN, _LOG_SIGMA_MAX)

    def latent(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Return `noise` (B, T, A), standard normal, moved as the actor wants it."""
        mean, log_sigma = self(condition)
        return self.placed(mean + log_sigma.exp() * self.coordinates(noise), noise)

    def placed(self, chosen: Tensor, noise: Tensor) -> Tensor:
        """Return latents (B, T, A) with the numbers `chosen` (B, D), the rest as in `noise` (B, T, A)."""
        if self.config.latent == "full":
            latent = chosen.view_as(noise)
        elif self.config.latent == "repeated":
            latent = chosen[:, None].expand_as(noise)
        else:
            moved = (chosen - self.coordinates(noise)) / math.sqrt(self._steps)
            latent = noise + moved[:, None]
        allowed = self.config.max_norm * math.sqrt(self._steps * self._columns)
        norm = latent.flatten(1).norm(dim=1)[:, None, None]
        return latent * (allowed / norm.clamp(min=allowed))

    def coordinates(self, latent: Tensor) -> Tensor:
        """Return the numbers (B, D) of latents (B, T, A) that the actor chooses; N(0, I) if these are."""
        if self.config.latent == "full":
            return latent.flatten(1)
        if self.config.latent == "repeated":
            return latent[:, 0]
        return latent.mean(dim=1) * math.sqrt(self._steps)


def kl_to_normal(mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return the divergence (B,) of N(mean, sigma^2) from N(0, I), in nats."""
    return 0.5 * (mean.square() + (2.0 * log_sigma).exp() - 1.0 - 2.0 * log_sigma).sum(-1)


def perceptron(inputs: int, width: int, layers: int) -> nn.Sequential:
    """Return hidden layers with normalisation, (B, inputs) -> (B, width)."""
    parts: list[nn.Module] = []
    for number in range(layers):
        parts += [nn.Linear(inputs if number == 0 else width, width), nn.LayerNorm(width), nn.Mish()]
    return nn.Sequential(*parts)
