"""Made-up experience near the present policy (policy-guided diffusion, RLC 2024, arXiv 2404.06356)."""

from drift_core.training.synthetic.config import SyntheticConfig

__all__ = ["SyntheticConfig"]
