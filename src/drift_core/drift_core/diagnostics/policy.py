"""The measures taken on a policy: asymmetry by noise level, dimension by observation."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser
from drift_core.diagnostics.dimension import Dimension, local_dimension
from drift_core.diagnostics.fields import DenoiserFields
from drift_core.diagnostics.jacobian import EXACT_UP_TO, asymmetry
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers.noise_schedule import NoiseSchedule

# Of the steps of the noise schedule, closer together where there is less noise.
_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class AsymmetryRow:
    """One noise level, over several points."""

    k: int
    noise: float  # its standard deviation
    asymmetry: float  # mean
    error: float  # one standard error of the mean, of the points and, where there are any, the probes
    points: int
    exact: bool  # for each point


def noise_levels(schedule: NoiseSchedule) -> tuple[int, ...]:
    """Return the steps at which asymmetry is measured."""
    return tuple(sorted({round(share * (schedule.train_steps - 1)) for share in _SHARES}))


class PolicyDiagnosis:
    """Measure one policy, on the CPU; float64 where a chunk has 64 numbers or fewer."""

    def __init__(self, policy: DiffusionPolicy, flow_steps: int) -> None:
        """`flow_steps`: of the deterministic sampler whose Jacobian tells the dimension."""
        self.policy, self._flow_steps = policy, flow_steps
        config = policy.config
        self.dimensions = config.horizon * config.action_dim  # D
        self._exact = self.dimensions <= EXACT_UP_TO
        self._dtype = torch.float64 if self._exact else torch.float32
        net: Denoiser = copy.deepcopy(policy.denoiser)
        self._net = net.to(self._dtype).eval().requires_grad_(False)

    def asymmetries(
        self,
        conditions: Sequence[Tensor],
        probes: int,
        generator: torch.Generator,
        on_point: Callable[[], None] = lambda: None,
    ) -> list[AsymmetryRow]:
        """Return one row per noise level, with a point for each of `conditions` (1, C).

        A point is what the policy itself does there (its chunk), with noise of that level on it.
        """
        schedule = self.policy.schedule
        levels = noise_levels(schedule)
        values: dict[int, list[float]] = {k: [] for k in levels}
        errors: dict[int, list[float]] = {k: [] for k in levels}
        for condition in conditions:
            fields = self._fields(condition)
            chunk = fields.flow(self._flow_steps)(self._latent(generator)[None])[0].clamp(-1.0, 1.0)
            for k in levels:
                abar = schedule.abar(k)
                x = abar**0.5 * chunk + (1.0 - abar) ** 0.5 * self._latent(generator)
                found = asymmetry(fields.noise(k), x, generator, probes)
                values[k].append(found.value)
                errors[k].append(found.error)
            on_point()
        rows = []
        for k in levels:
            found_values = torch.tensor(values[k])
            count = len(found_values)
            of_probes = float(torch.tensor(errors[k]).square().sum().sqrt()) / count
            of_points = float(found_values.std()) / count**0.5 if count > 1 else 0.0
            noise = (1.0 - schedule.abar(k)) ** 0.5
            error = max(of_points, of_probes)  # what the points scatter has that of the probes in it
            rows.append(AsymmetryRow(k, noise, float(found_values.mean()), error, count, self._exact))
        return rows

    def dimension(self, condition: Tensor, latent: Tensor) -> Dimension:
        """Return the local dimension under `condition` (1, C) of what becomes of `latent` (D,)."""
        return local_dimension(self._fields(condition).flow(self._flow_steps), latent.to(self._dtype))

    def _fields(self, condition: Tensor) -> DenoiserFields:
        policy = self.policy
        return DenoiserFields(self._net, condition.to(self._dtype), policy.schedule, policy.config.prediction)

    def _latent(self, generator: torch.Generator) -> Tensor:
        return torch.randn(self.dimensions, generator=generator).to(self._dtype)
