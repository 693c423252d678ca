"""Reinforcement learning on the noise of a frozen policy (DSRL, arXiv 2506.15799; FIND, arXiv 2407.19453)."""

from drift_core.training.dsrl.config import DsrlConfig
from drift_core.training.dsrl.find import FindLearner
from drift_core.training.dsrl.learner import Act, DsrlLearner
from drift_core.training.dsrl.replay import Transitions

__all__ = ["Act", "DsrlConfig", "DsrlLearner", "FindLearner", "Transitions"]
