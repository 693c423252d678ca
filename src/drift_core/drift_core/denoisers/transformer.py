"""A transformer over the steps of a chunk with adaptive layer norm (DiT: Peebles & Xie, arXiv 2212.09748)."""

from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from drift_core.denoisers.denoiser import Denoiser, Film


@dataclass(frozen=True, config=STRICT)
class TransformerConfig:
    """Sizes of `TransformerDenoiser`."""

    kind: Literal["transformer"] = "transformer"
    width: Annotated[int, Field(gt=0)] = 256
    heads: Annotated[int, Field(gt=0)] = 4
    blocks: Annotated[int, Field(gt=0)] = 4
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 128  # embedding of the diffusion step

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"width={self.width} must be a multiple of heads={self.heads}")


class TransformerBlock(nn.Module):
    """Self-attention and a two-layer network; the condition scales, shifts and gates both (adaLN-Zero)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width, elementwise_affine=False)
        self.first = nn.Linear(width, 4 * width)
        self.second = nn.Linear(4 * width, width)

    def forward(self, h: Tensor, film: Tensor) -> Tensor:
        """Return (B, T, width) for `h` (B, T, width) and `film` (B, 6 width)."""
        mixed = functional.scaled_dot_product_attention(*self.to_attention(h, film))
        return self.from_attention(h, mixed, film)

    def to_attention(self, h: Tensor, film: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values of the tokens `h`, each (B, heads, T, width / heads)."""
        scale, shift = film[:, None, :].chunk(6, dim=-1)[:2]
        batch, length, width = h.shape
        qkv = self.qkv(self.norm_attention(h) * (1.0 + scale) + shift)
        query, key, value = qkv.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return query, key, value

    def from_attention(self, h: Tensor, mixed: Tensor, film: Tensor) -> Tensor:
        """Return the tokens `h` after what they attend to, `mixed` (B, heads, T, width / heads)."""
        gate_a, scale, shift, gate_m = film[:, None, :].chunk(6, dim=-1)[2:]
        h = h + gate_a * self.project(mixed.transpose(1, 2).reshape(h.shape))
        modulated = self.norm_mlp(h) * (1.0 + scale) + shift
        return h + gate_m * self.second(functional.gelu(self.first(modulated)))


class TransformerDenoiser(Denoiser):
    """Each step of the chunk is a token; all tokens see each other; the condition enters every block."""

    def __init__(self, config: TransformerConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        width = config.width
        film_sizes = [6 * width] * config.blocks + [2 * width]
        super().__init__(config, horizon, action_dim, condition_dim, film_sizes)
        self.enter = nn.Linear(action_dim, width)
        self.position = nn.Parameter(0.02 * torch.randn(horizon, width))
        self.blocks = nn.ModuleList(TransformerBlock(width, config.heads) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.leave = nn.Linear(width, action_dim)
        for film in self._each_film():
            _start_at_zero(film)

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A)."""
        *per_block, last = film.split(self.film_sizes, dim=-1)
        h = self.enter(x) + self.position
        for block, values in zip(self.blocks, per_block, strict=True):
            h = block(h, values)
        return self.leave(self.finish(h, last))

    def finish(self, h: Tensor, film: Tensor) -> Tensor:
        """Return the tokens `h` (B, T, width) after the last normalisation, for `film` (B, 2 width)."""
        scale, shift = film[:, None, :].chunk(2, dim=-1)
        return self.norm(h) * (1.0 + scale) + shift


def _start_at_zero(film: Film) -> None:
    """Make every block the identity at first, which is how DiT trains stably."""
    nn.init.zeros_(film.step.weight)
    nn.init.zeros_(film.step.bias)
    nn.init.zeros_(film.condition.weight)
