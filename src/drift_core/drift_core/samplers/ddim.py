"""DDIM (Song et al., arXiv 2010.02502): deterministic with eta = 0, stochastic with eta = 1."""

import math
from collections.abc import Sequence

from drift_config.errors import ConfigError
from torch import Tensor

from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from drift_core.samplers.sampler import DEFAULT_CLIP, DenoisingHistory, Sampler


class DdimSampler(Sampler):
    """Few large steps along the predicted trajectory; eq. 12 of the paper."""

    def __init__(
        self,
        schedule: NoiseSchedule,
        prediction: Prediction,
        steps: Sequence[int],
        clip: float | None = DEFAULT_CLIP,
        eta: float = 0.0,
    ) -> None:
        super().__init__(schedule, prediction, steps, clip)
        if not 0.0 <= eta <= 1.0:
            raise ConfigError(f"eta={eta} must lie in [0, 1]")
        self.eta = eta

    @property
    def determined(self) -> bool:
        """Whether a sample follows from the condition and the first latent alone."""
        return self.eta == 0.0

    def update(
        self, x: Tensor, x_0: Tensor, k: int, k_next: int, path: DenoisingHistory
    ) -> tuple[Tensor, float]:
        """Return mean and standard deviation of x_{k_next}; eq. 12 and 16."""
        abar, abar_next = self.schedule.abar(k), self.schedule.abar(k_next)
        variance = (1.0 - abar_next) / (1.0 - abar) * (1.0 - abar / abar_next)
        sigma = self.eta * math.sqrt(max(variance, 0.0))
        noise = self.schedule.noise_estimate(x, x_0, k)
        return math.sqrt(abar_next) * x_0 + math.sqrt(1.0 - abar_next - sigma**2) * noise, sigma
