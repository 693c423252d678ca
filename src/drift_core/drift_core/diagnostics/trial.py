"""A network trained on a mixture whose score is known, and how near it comes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from drift_core.denoisers import DenoiserConfig, make_denoiser
from drift_core.denoisers.denoiser import Denoiser
from drift_core.denoisers.windows import Noise, Windows
from drift_core.diagnostics.fields import DenoiserFields
from drift_core.diagnostics.gauge import score_error
from drift_core.diagnostics.jacobian import asymmetry
from drift_core.diagnostics.mixture import Mixture
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction

_BATCH, _LR = 256, 1e-3
_POINTS = 256  # of the density, for root mean squares
_SKEW_POINTS = 16  # of them, for the asymmetry


@dataclass(frozen=True)
class TrialRow:
    """One noise level."""

    k: int
    noise: float  # its standard deviation
    score_error: float
    gauge_residual: float
    asymmetry: float


def example_mixture(dimensions: int, generator: torch.Generator) -> Mixture:
    """Return three Gaussians in [-1, 1]^D, of spreads 0.1 to 0.4 along random axes."""
    means = 1.2 * torch.rand(3, dimensions, generator=generator) - 0.6
    spreads = 0.1 + 0.3 * torch.rand(3, dimensions, generator=generator)
    axes = torch.linalg.qr(torch.randn(dimensions, dimensions, generator=generator))[0]
    return Mixture(torch.tensor([0.5, 0.3, 0.2]), means, spreads, axes)


def train_on_mixture(
    config: DenoiserConfig,
    schedule: NoiseSchedule,
    prediction: Prediction,
    mixture: Mixture,
    steps: int,
    generator: torch.Generator,
    on_step: Callable[[], None] = lambda: None,
) -> Denoiser:
    """Return a network for chunks (T, 1), T the dimension of `mixture`, trained without a condition."""
    horizon = mixture.means.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        net = make_denoiser(config, horizon, 1, 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=_LR)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LR, total_steps=steps)
    noise = Noise(schedule, prediction, generator, 1)
    for _ in range(steps):
        windows = Windows(
            condition=torch.zeros(_BATCH, 1),
            actions=mixture.sample(_BATCH, generator)[..., None],
            mask=torch.ones(_BATCH, horizon, dtype=torch.bool),
            future=None,
            returns=None,
        )
        loss = torch.stack(list(net.loss_terms(windows, noise).values())).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rate.step()
        on_step()
    return net.eval().requires_grad_(False)


def judge(
    net: Denoiser,
    schedule: NoiseSchedule,
    prediction: Prediction,
    mixture: Mixture,
    levels: Sequence[int],
    generator: torch.Generator,
) -> list[TrialRow]:
    """Compare the score of `net` with that of `mixture`, noised, at its samples."""
    fields = DenoiserFields(net, torch.zeros(1, 1), schedule, prediction)
    rows = []
    for k in levels:
        there = mixture.noised(schedule.abar(k))
        x = there.sample(_POINTS, generator)
        found = score_error(fields.score(k), there, x)
        skews = [asymmetry(fields.noise(k), point, generator).value for point in x[:_SKEW_POINTS]]
        rows.append(
            TrialRow(
                k,
                (1.0 - schedule.abar(k)) ** 0.5,
                found.error,
                found.gauge_residual,
                sum(skews) / len(skews),
            )
        )
    return rows
