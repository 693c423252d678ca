"""DDPM (Ho et al., arXiv 2006.11239): ancestral sampling, stochastic at every step but the last."""

import math

from torch import Tensor

from drift_core.samplers.sampler import DenoisingHistory, Sampler


class DdpmSampler(Sampler):
    """Draw x_{k_next} from its posterior given x_k and the x_0 estimate (eq. 6, 7), for any pair of steps."""

    def update(
        self, x: Tensor, x_0: Tensor, k: int, k_next: int, path: DenoisingHistory
    ) -> tuple[Tensor, float]:
        """Return mean and standard deviation of the posterior ("fixed_small" variance)."""
        abar, abar_next = self.schedule.abar(k), self.schedule.abar(k_next)
        alpha = abar / abar_next  # share of signal kept from k_next to k
        mean = (
            math.sqrt(abar_next) * (1.0 - alpha) / (1.0 - abar) * x_0
            + math.sqrt(alpha) * (1.0 - abar_next) / (1.0 - abar) * x
        )
        return mean, math.sqrt((1.0 - abar_next) / (1.0 - abar) * (1.0 - alpha))
