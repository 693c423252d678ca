"""A denoiser that is a gradient by construction: dE/dx of E(x) = |x - f(x)|^2 / 2 (Salimans & Ho 2021).

Whatever it predicts (noise, clean data or velocity), the score that follows is conservative. It costs a
backward pass at every denoising step, and runs in PyTorch only.
"""

from typing import Annotated, Literal

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.denoisers.mlp import MlpConfig, MlpDenoiser


@dataclass(frozen=True, config=STRICT)
class EnergyConfig:
    """Sizes of `EnergyDenoiser`; those of the MLP that is f."""

    kind: Literal["energy"] = "energy"
    width: Annotated[int, Field(gt=0)] = 256
    blocks: Annotated[int, Field(gt=0)] = 3
    step_dim: Annotated[int, Field(ge=4, multiple_of=2)] = 64  # embedding of the diffusion step


class EnergyDenoiser(MlpDenoiser):
    """About 1.1 M parameters at width 256 with 3 blocks."""

    traceable = False

    def __init__(self, config: EnergyConfig, horizon: int, action_dim: int, condition_dim: int) -> None:
        sizes = MlpConfig(width=config.width, blocks=config.blocks, step_dim=config.step_dim)
        super().__init__(sizes, horizon, action_dim, condition_dim)
        self.config = config

    def trunk(self, x: Tensor, film: Tensor) -> Tensor:
        """Return the gradient of the energy (B, T, A)."""
        further = torch.is_grad_enabled()
        with torch.enable_grad():
            at = x if x.requires_grad else x.detach().requires_grad_()
            energy = 0.5 * (at - super().trunk(at, film)).square().sum()
            return torch.autograd.grad(energy, at, create_graph=further)[0]
