"""DPM-Solver++ (2M) (Lu et al., arXiv 2211.01095, algorithm 2): a second-order multistep solver."""

import math

from torch import Tensor

from drift_core.samplers.noise_schedule import CLEAN
from drift_core.samplers.sampler import DenoisingHistory, Sampler


class DpmSolverSampler(Sampler):
    """Extrapolate the estimate of x_0 from the last two; first order for the first and the last step."""

    @property
    def determined(self) -> bool:
        """Whether a sample follows from the condition and the first latent alone."""
        return True

    def update(
        self, x: Tensor, x_0: Tensor, k: int, k_next: int, path: DenoisingHistory
    ) -> tuple[Tensor, float]:
        """Return x_{k_next}; deterministic."""
        if k_next == CLEAN:
            return x_0, 0.0
        abar, abar_next = self.schedule.abar(k), self.schedule.abar(k_next)
        h = self._log_snr(k_next) - self._log_snr(k)
        estimate = x_0
        if path.index > 0:
            ratio = (self._log_snr(k) - self._log_snr(path.steps[path.index - 1])) / h
            estimate = x_0 + (x_0 - path.estimates[-2]) / (2.0 * ratio)
        shrink = math.sqrt((1.0 - abar_next) / (1.0 - abar))
        return shrink * x - math.sqrt(abar_next) * math.expm1(-h) * estimate, 0.0

    def _log_snr(self, k: int) -> float:
        """Return lambda_k = log(sqrt(abar) / sqrt(1 - abar))."""
        abar = self.schedule.abar(k)
        return 0.5 * (math.log(abar) - math.log1p(-abar))
