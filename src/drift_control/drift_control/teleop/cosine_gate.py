"""The gate of DRIFT-DAgger's simulations: a scripted expert steps in where the learner points elsewhere."""

import math
from dataclasses import dataclass

import numpy as np
from drift_config.errors import ConfigError

from drift_control.robot.pose import Array


def cosine_similarity(first: Array, second: Array) -> float:
    """Return the cosine of the angle between two vectors; 1 where both are zero, 0 where one is."""
    a, b = np.ravel(first).astype(float), np.ravel(second).astype(float)
    if a.shape != b.shape:
        raise ValueError(f"the vectors must have one length, got {a.shape} and {b.shape}")
    size = math.sqrt(float(a @ a) * float(b @ b))
    if size == 0.0:
        return 1.0 if not (a.any() or b.any()) else 0.0
    return float(a @ b) / size


@dataclass(frozen=True)
class CosineGate:
    """Decide per step whether the expert acts (arXiv 2502.03822; thresholds there 0.94 to 0.9999 by task).

    The cosine does not see magnitudes. On absolute poses, which all point the same way from the base, it
    needs thresholds next to one; on motions (set-point minus present pose) ordinary ones work.
    """

    threshold: float  # below it the expert acts

    def __post_init__(self) -> None:
        if not -1.0 <= self.threshold <= 1.0:
            raise ConfigError(f"threshold={self.threshold} must lie in [-1, 1]")

    def expert_acts(self, expert_action: Array, learner_action: Array) -> bool:
        """Return whether the expert's action is to be executed; a learner that is not finite never is."""
        if not np.isfinite(learner_action).all():
            return True
        return cosine_similarity(expert_action, learner_action) < self.threshold
