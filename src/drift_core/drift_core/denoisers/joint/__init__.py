"""Joint denoising of actions and observations to come (PAD, arXiv 2411.18179); docs/related.md."""

from drift_core.denoisers.joint.modalities import FeaturesConfig, ImageConfig, StateConfig
from drift_core.denoisers.joint.network import JointConfig, JointDenoiser

__all__ = ["FeaturesConfig", "ImageConfig", "JointConfig", "JointDenoiser", "StateConfig"]
