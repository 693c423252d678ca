"""A small multilayer denoiser for CPUs: the whole chunk as one vector through residual blocks with FiLM."""

from typing import Annotated, Literal

from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser, mish, modulate


@dataclass(frozen=True, config=STRICT)
class MlpConfig:
    """Sizes of `MlpDenoiser`."""

    kind: Literal["mlp"] = "mlp"
    width: Annotated[int, Field(gt=0)] = 256
    blocks: Annotated[int, Field(gt=0)] = 3
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 64  # embedding of the diffusion step


class MlpBlock(nn.Module):
    """h + W_2 mish(FiLM(norm(W_1 h)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.second = nn.Linear(width, width)

    def forward(self, h: Tensor, film: Tensor) -> Tensor:
        """Return (B, width) for `h` (B, width) and `film` (B, 2 width)."""
        return h + self.second(mish(modulate(self.norm(self.first(h)), film)))


class MlpDenoiser(Denoiser):
    """About 1.1 M parameters at width 256 with 3 blocks."""

    def __init__(self, config: MlpConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        film_sizes = [2 * config.width] * config.blocks
        super().__init__(config, horizon, action_dim, condition_dim, film_sizes, config.width)
        self.enter = nn.Linear(horizon * action_dim, config.width)
        self.blocks = nn.ModuleList(MlpBlock(config.width) for _ in range(config.blocks))
        self.leave = nn.Linear(config.width, horizon * action_dim)

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A)."""
        h = self.enter(x.flatten(1))  # (B, width)
        for block, values in zip(self.blocks, film.split(self.film_sizes, dim=-1), strict=True):
            h = block(h, values)
        return self.leave(mish(h)).view_as(x)
