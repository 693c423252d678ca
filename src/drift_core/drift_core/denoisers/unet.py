"""The conditional 1-D U-Net of Diffusion Policy (Chi et al., arXiv 2303.04137) over the steps of a chunk."""

from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.denoisers.denoiser import Denoiser, mish, modulate


@dataclass(frozen=True, config=STRICT)
class UNetConfig:
    """Sizes of `ConditionalUnet1D`; with C = 1044: 25 M parameters, (256, 512, 1024) 80 M."""

    kind: Literal["unet"] = "unet"
    down_dims: Annotated[tuple[int, ...], Field(min_length=1)] = (128, 256, 512)
    kernel_size: Annotated[int, Field(gt=0)] = 5
    groups: Annotated[int, Field(gt=0)] = 8  # of each GroupNorm
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 256  # embedding of the diffusion step

    def __post_init__(self) -> None:
        if self.kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size={self.kernel_size} must be odd")
        if any(dim <= 0 or dim % self.groups for dim in self.down_dims):
            raise ConfigError(f"down_dims={list(self.down_dims)} must be multiples of groups={self.groups}")


class ConvBlock(nn.Module):
    """Convolution, GroupNorm, Mish on (B, C, T)."""

    def __init__(self, channels_in: int, channels_out: int, config: UNetConfig) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, config.kernel_size, padding=config.kernel_size // 2)
        self.norm = nn.GroupNorm(config.groups, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C_out, T)."""
        return mish(self.norm(self.conv(x)))


class ResidualBlock(nn.Module):
    """Two convolution blocks with FiLM (scale and shift) between them, and a residual path."""

    def __init__(self, channels_in: int, channels_out: int, config: UNetConfig) -> None:
        super().__init__()
        self.first = ConvBlock(channels_in, channels_out, config)
        self.second = ConvBlock(channels_out, channels_out, config)
        self.residual = (
            nn.Conv1d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()
        )

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """Return (B, C_out, T) for `x` (B, C_in, T) and `film` (B, 2 C_out)."""
        return self.second(modulate(self.first(x), film)) + self.residual(x)


class ConditionalUnet1D(Denoiser):
    """Down, middle and up path, every residual block conditioned; T must be a multiple of 2^(levels - 1)."""

    def __init__(self, config: UNetConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        levels = len(config.down_dims)
        stride = 2 ** (levels - 1)
        if horizon % stride:
            raise ConfigError(f"horizon={horizon} must be a multiple of {stride} for {levels} down_dims")
        plan = _block_plan(action_dim, config.down_dims)
        film_sizes = [2 * channels_out for _, channels_out in plan]
        super().__init__(config, horizon, action_dim, condition_dim, film_sizes)
        dims = config.down_dims
        self.blocks = nn.ModuleList(ResidualBlock(c_in, c_out, config) for c_in, c_out in plan)
        self.downsample = nn.ModuleList(nn.Conv1d(dim, dim, 3, stride=2, padding=1) for dim in dims[:-1])
        self.upsample = nn.ModuleList(
            nn.ConvTranspose1d(dim, dim, 4, stride=2, padding=1) for dim in reversed(dims[:-1])
        )
        self.leave = ConvBlock(dims[0], dims[0], config)
        self.to_action = nn.Conv1d(dims[0], action_dim, 1)
        self.levels = levels

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the output (B, T, A)."""
        step = iter(zip(self.blocks, film.split(self.film_sizes, dim=-1), strict=True))

        def two_blocks(h: Tensor) -> Tensor:
            for _ in range(2):
                block, values = next(step)
                h = block(h, values)
            return h

        h = x.transpose(1, 2)  # (B, A, T)
        skips = []
        for level in range(self.levels):
            h = two_blocks(h)
            skips.append(h)
            if level < self.levels - 1:
                h = self.downsample[level](h)
        h = two_blocks(h)
        for upsample in self.upsample:
            h = upsample(two_blocks(torch.cat([h, skips.pop()], dim=1)))
        return self.to_action(self.leave(h)).transpose(1, 2)


def _block_plan(action_dim: int, dims: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (channels in, channels out) of every residual block in the order in which they run."""
    plan: list[tuple[int, int]] = []
    before = action_dim
    for dim in dims:
        plan += [(before, dim), (dim, dim)]
        before = dim
    plan += [(dims[-1], dims[-1])] * 2
    for above, dim in zip(reversed(dims[:-1]), reversed(dims[1:]), strict=True):
        plan += [(2 * dim, above), (above, above)]
    return plan
