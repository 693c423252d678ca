"""Networks that predict noise, clean data or velocity: U-Net, MLP and transformer behind one interface."""

from typing import Annotated

from pydantic import Field

from drift_core.denoisers.denoiser import Denoiser
from drift_core.denoisers.mlp import MlpConfig, MlpDenoiser
from drift_core.denoisers.transformer import TransformerConfig, TransformerDenoiser
from drift_core.denoisers.unet import ConditionalUnet1D, UNetConfig

__all__ = [
    "ConditionalUnet1D",
    "Denoiser",
    "DenoiserConfig",
    "MlpConfig",
    "MlpDenoiser",
    "TransformerConfig",
    "TransformerDenoiser",
    "UNetConfig",
    "make_denoiser",
]

DenoiserConfig = Annotated[UNetConfig | MlpConfig | TransformerConfig, Field(discriminator="kind")]


def make_denoiser(
    config: UNetConfig | MlpConfig | TransformerConfig, horizon: int, action_dim: int, condition_dim: int
) -> Denoiser:
    """Return the network that `config` describes."""
    if isinstance(config, UNetConfig):
        return ConditionalUnet1D(config, horizon, action_dim, condition_dim)
    if isinstance(config, MlpConfig):
        return MlpDenoiser(config, horizon, action_dim, condition_dim)
    return TransformerDenoiser(config, horizon, action_dim, condition_dim)
