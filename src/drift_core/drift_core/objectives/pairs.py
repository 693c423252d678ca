"""What objectives share that learn from pairs of chunks, of which one was preferred.

A chunk that a person drove has no denoising path. So a step k -> k' of one is taken as the forward process
gives it: x_k from the chunk, x_k' from the posterior given both. On average over x_k', and for a spread sigma
that both policies share, the log-ratio of a policy and its reference is then a difference of squared errors
of the clean estimate x_0(x_k), times c^2 / (2 sigma^2) with c the part of x_0 in x_k'. In nats per path step.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, ClassVar

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.objectives.objective import Objective
from drift_core.policy.batch import Batch
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers.noise_schedule import NoiseSchedule
from drift_core.samplers.sampler import draw


@plain_dataclass(frozen=True, eq=False)
class Estimates:
    """Both chunks of N pairs, the preferred ones first, and what two policies make of them with noise on."""

    clean: Tensor  # (2, N, T, A) normalised
    policy: Tensor  # (2, N, T, A) estimates of them
    reference: Tensor  # (2, N, T, A) those of the policy when the round began
    mask: Tensor  # (N, T) bool, steps that were preferred
    nats: Tensor  # (N,) per squared error at the step of the path that was drawn

    def squares(self, difference: Tensor) -> Tensor:
        """Return the sum of squares of `difference` (..., N, T, A) over what was preferred, (..., N)."""
        return (difference.square().sum(-1) * self.mask).sum(-1)

    def mean(self, values: Tensor, least_apart: float) -> Tensor:
        """Return the mean of `values` (N,) over pairs that differ by more (root mean square); 0 without."""
        numbers = self.mask.sum(-1).clamp(min=1) * self.clean.shape[-1]
        apart = (self.squares(self.clean[0] - self.clean[1]) / numbers).sqrt()
        counted = (apart > least_apart).to(values)
        return (values * counted).sum() / counted.sum().clamp(min=1.0)

    def kl(self) -> Tensor:
        """Return the mean KL divergence of a path step from the reference's."""
        return (self.nats * self.squares(self.policy - self.reference)).mean()


@dataclass(frozen=True, config=STRICT)
class PairObjective(Objective):
    """An objective that needs batches of pairs, and the policy as it was when the round began."""

    needs_reference: ClassVar[bool] = True

    path_steps: Annotated[int, Field(ge=2)] = 10  # of the denoising path of which one step is drawn
    # smallest spread of a step: else the last ones, where the chunk has long been chosen, outweigh all
    sigma_floor: Annotated[float, Field(gt=0.0)] = 0.1
    shared_noise: bool = True  # the same noise on both chunks of a pair
    # Pairs whose chunks differ by less (root mean square of normalised numbers) say nothing: the policy
    # wanted what was done. They hold it where it is ("kl").
    least_apart: Annotated[float, Field(ge=0.0)] = 0.1

    @abstractmethod
    def of_pairs(self, found: Estimates) -> dict[str, Tensor]:
        """Return the terms by name."""

    def terms(
        self,
        policy: DiffusionPolicy,
        batch: Batch,
        generator: torch.Generator,
        noise_draws: int = 1,
        shift_px: int = 0,
        reference: DiffusionPolicy | None = None,
    ) -> dict[str, Tensor]:
        """Return the terms of a batch of pairs; ConfigError for one without, or without a reference."""
        if batch.refused is None or reference is None:
            missing = "what was refused" if batch.refused is None else "a reference"
            raise ConfigError(f"{type(self).__name__} needs {missing}: train with a kind that gives pairs")
        sides = (batch, batch.refused)
        windows = [policy.windows(side, generator, shift_px) for side in sides]
        clean = torch.stack([side.actions.repeat_interleave(noise_draws, 0) for side in windows])
        mask = windows[0].mask.repeat_interleave(noise_draws, 0)
        steps, nats = self._path(policy.schedule)
        count = clean.shape[1]
        index = torch.randint(len(nats), (count,), generator=generator, device=generator.device)
        index = index.to(clean.device)
        k = torch.tensor(steps, device=clean.device)[index]
        noise = draw((1 if self.shared_noise else 2, *clean.shape[1:]), generator).to(clean)
        x = torch.stack(
            [policy.schedule.add_noise(c, n, k) for c, n in zip(clean, noise.expand_as(clean), strict=True)]
        )

        def estimates(of: DiffusionPolicy, conditions: list[Tensor]) -> Tensor:
            seen = torch.cat([condition.repeat_interleave(noise_draws, 0) for condition in conditions])
            output = of.denoiser(x.flatten(0, 1), k.repeat(2), seen)
            prediction = of.config.prediction
            found = of.schedule.clean_estimates(x.flatten(0, 1), output, k.repeat(2), prediction)
            return found.unflatten(0, (2, count))

        with torch.no_grad():
            before = [reference.windows(side, generator).condition for side in sides]
            old = estimates(reference, before)
        new = estimates(policy, [side.condition for side in windows])
        return self.of_pairs(Estimates(clean, new, old, mask, nats.to(clean)[index]))

    def _path(self, schedule: NoiseSchedule) -> tuple[tuple[int, ...], Tensor]:
        """Return the steps of the path but the last, which is certain, and the nats per squared error."""
        steps = schedule.cubic_steps(min(self.path_steps, schedule.train_steps))
        nats = [
            _nats(schedule.abar(k), schedule.abar(k_next), self.sigma_floor)
            for k, k_next in zip(steps, steps[1:], strict=False)
        ]
        return steps[:-1], torch.tensor(nats)


def _nats(abar: float, abar_next: float, sigma_floor: float) -> float:
    """Return c^2 / (2 sigma^2) of the posterior (Ho et al., arXiv 2006.11239, eq. 7)."""
    alpha = abar / abar_next
    part = math.sqrt(abar_next) * (1.0 - alpha) / (1.0 - abar)
    sigma = math.sqrt((1.0 - abar_next) / (1.0 - abar) * (1.0 - alpha))
    return part**2 / (2.0 * max(sigma, sigma_floor) ** 2)
