"""Networks that predict noise, clean data or velocity: U-Net, MLP, transformers, an energy's gradient."""

from typing import TYPE_CHECKING, Any

from drift_core.denoisers.denoiser import Denoiser, SizeConfig
from drift_core.denoisers.energy import EnergyConfig, EnergyDenoiser
from drift_core.denoisers.joint import JointConfig, JointDenoiser
from drift_core.denoisers.mlp import MlpConfig, MlpDenoiser
from drift_core.denoisers.mode import ModeConfig, ModeDenoiser
from drift_core.denoisers.seen import Seen
from drift_core.denoisers.transformer import TransformerConfig, TransformerDenoiser
from drift_core.denoisers.unet import ConditionalUnet1D, UNetConfig
from drift_core.kinds import one_of

__all__ = [
    "DENOISERS",
    "ConditionalUnet1D",
    "Denoiser",
    "DenoiserConfig",
    "EnergyConfig",
    "EnergyDenoiser",
    "JointConfig",
    "JointDenoiser",
    "MlpConfig",
    "MlpDenoiser",
    "ModeConfig",
    "ModeDenoiser",
    "Seen",
    "TransformerConfig",
    "TransformerDenoiser",
    "UNetConfig",
    "make_denoiser",
]

# By its configuration; each is made from that, horizon, action_dim and condition_dim.
DENOISERS: dict[type, type[Denoiser]] = {
    UNetConfig: ConditionalUnet1D,
    MlpConfig: MlpDenoiser,
    TransformerConfig: TransformerDenoiser,
    EnergyConfig: EnergyDenoiser,
    ModeConfig: ModeDenoiser,
    JointConfig: JointDenoiser,
}

if TYPE_CHECKING:
    DenoiserConfig = SizeConfig
else:
    DenoiserConfig = one_of(DENOISERS)


def make_denoiser(
    config: DenoiserConfig, horizon: int, action_dim: int, condition_dim: int, seen: Seen | None = None
) -> Denoiser:
    """Return the network that `config` describes; `seen`: for one that foresees observations to come."""
    kind: Any = DENOISERS[type(config)]
    sizes = (config, horizon, action_dim, condition_dim)
    return kind(*sizes, seen) if kind.foresees else kind(*sizes)
