"""MoDE, a transformer whose experts are chosen by the noise level alone (arXiv 2412.12953)."""

from drift_core.denoisers.mode.network import ModeConfig, ModeDenoiser

__all__ = ["ModeConfig", "ModeDenoiser"]
