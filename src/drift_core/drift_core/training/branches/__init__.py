"""Reinforcement on the denoising path (B2-DiffuRL, CVPR 2025, arXiv 2503.11240)."""

from drift_core.training.branches.canary import Ended, compared
from drift_core.training.branches.config import B2Config
from drift_core.training.branches.exploring import Explore, Explored, explored

__all__ = ["B2Config", "Ended", "Explore", "Explored", "compared", "explored"]
