"""A denoiser as vector fields over flat chunks (B, T A), for one observation."""

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser
from drift_core.diagnostics.jacobian import Field
from drift_core.samplers import make_sampler
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction


class DenoiserFields:
    """What one denoiser says under one condition (1, C), in normalised units; network and condition alike."""

    def __init__(
        self, denoiser: Denoiser, condition: Tensor, schedule: NoiseSchedule, prediction: Prediction
    ) -> None:
        self._net, self._condition = denoiser, condition
        self._schedule, self._prediction = schedule, prediction
        with torch.no_grad():
            self._denoise = denoiser.hoist(condition, schedule.train_steps)

    @property
    def shape(self) -> tuple[int, int]:
        """T and A."""
        return self._net.horizon, self._net.action_dim

    def noise(self, k: int) -> Field:
        """Return the noise that is seen at step `k`: the score, times minus its spread."""

        def field(x: Tensor) -> Tensor:
            chunk = x.view(-1, *self.shape)
            output = self._denoise(chunk, torch.full((len(x),), k))
            clean = self._schedule.clean_estimate(chunk, output, k, self._prediction)
            return self._schedule.noise_estimate(chunk, clean, k).flatten(1)

        return field

    def score(self, k: int) -> Field:
        """Return the gradient of the log-density at step `k`, as far as the network has learned it."""
        noise, spread = self.noise(k), (1.0 - self._schedule.abar(k)) ** 0.5
        return lambda x: -noise(x) / spread

    def flow(self, steps: int) -> Field:
        """Return the deterministic sampler (DDIM) from the first latent to clean data, without clipping."""
        sampler = make_sampler(f"ddim-{steps}", self._schedule, self._prediction, clip=None)
        unused = torch.Generator()

        def field(w: Tensor) -> Tensor:
            chunk = w.view(-1, *self.shape)
            return sampler.sample(self._denoise, chunk.shape, unused, initial=chunk).flatten(1)

        return field
