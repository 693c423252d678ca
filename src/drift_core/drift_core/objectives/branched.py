"""Reinforcement on denoising paths from how attempts ended (B2-DiffuRL, CVPR 2025, arXiv 2503.11240).

Of every recorded update x_k -> x_k', drawn from N(mu_old, sigma^2):

    ratio = exp((|x_k' - mu_old|^2 - |x_k' - mu|^2) / (2 s^2)),   s = max(sigma, sigma_floor)
    largest min(ratio A, clip(ratio, 1 +- clip) A)  -  weight KL,   KL = |mu - mu_old|^2 / (2 s^2) in nats

A, the advantage, is the score of the attempt less the mean of the branches of its start. Ratios
are sums over all numbers of a chunk. An update whose KL is beyond `kl_nats` pulls back and gains nothing.
"""

from dataclasses import field
from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.objectives.objective import Objective
from drift_core.policy.batch import Batch
from drift_core.policy.path_steps import PathSteps
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import DdimSampler
from drift_core.samplers.sampler import DenoisingHistory

_MOST = 5.0  # of the logarithm of a ratio


@dataclass(frozen=True, config=STRICT)
class BranchedObjective(Objective):
    """Make updates likelier that led to better ends than those of their branches ("advantage"), near the
    policy that made them ("kl")."""

    kind: Literal["branched"] = "branched"
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = field(default_factory=lambda: {"kl": 0.002})
    clip: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5  # of ratios, around 1
    sigma_floor: Annotated[float, Field(gt=0.0)] = 0.1  # else the last updates outweigh all others
    kl_nats: Annotated[float, Field(gt=0.0)] = 1.0  # of one update, beyond which it gains nothing

    def trained(self, policy: DiffusionPolicy) -> nn.Module:
        """Return the denoiser: conditions are recorded, so that what makes them stays as it is."""
        return policy.denoiser

    def terms(
        self,
        policy: DiffusionPolicy,
        batch: Batch,
        generator: torch.Generator,
        noise_draws: int = 1,
        shift_px: int = 0,
        reference: DiffusionPolicy | None = None,
    ) -> dict[str, Tensor]:
        """Return "advantage", what is gained with its sign turned, and "kl" in nats per update."""
        if batch.path is None:
            raise ConfigError("BranchedObjective needs denoising paths: train with a kind that gives them")
        path = batch.path
        mean, spread = self._means(policy, path)
        nats = 0.5 / spread.clamp(min=self.sigma_floor).square()  # (N,) per squared error
        kl = nats * _squares(mean - path.mean)
        ratio = nats * (_squares(path.x_next - path.mean) - _squares(path.x_next - mean))
        ratio = ratio.clamp(max=_MOST).exp()
        clipped = ratio.clamp(1.0 - self.clip, 1.0 + self.clip)
        gained = torch.minimum(ratio * path.advantage, clipped * path.advantage)
        gained = torch.where(kl.detach() > self.kl_nats, 0.0, gained)
        return {"advantage": -gained.mean(), "kl": kl.mean()}

    def _means(self, policy: DiffusionPolicy, path: PathSteps) -> tuple[Tensor, Tensor]:
        """Return mean (N, T, A) and spread (N,) of every update, as `policy` would do it now."""
        schedule, config = policy.schedule, policy.config
        output = policy.denoiser(path.x, path.k, path.condition)
        estimate = schedule.clean_estimates(path.x, output, path.k, config.prediction)
        if config.clip is not None:
            estimate = estimate.clamp(-config.clip, config.clip)
        means, spread = torch.zeros_like(estimate), torch.zeros(len(path)).to(estimate)
        for k, k_next in torch.stack([path.k, path.k_next], dim=1).unique(dim=0).tolist():
            rows = ((path.k == k) & (path.k_next == k_next)).nonzero()[:, 0]
            rule = DdimSampler(schedule, config.prediction, (k,), config.clip, eta=1.0)
            mean, sigma = rule.update(path.x[rows], estimate[rows], k, k_next, DenoisingHistory((k, k_next)))
            means = means.index_copy(0, rows, mean)
            spread[rows] = sigma
        return means, spread


def _squares(difference: Tensor) -> Tensor:
    return difference.square().flatten(1).sum(1)
