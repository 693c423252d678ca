"""Where few denoising steps should lie: how wide each sampler spreads when the network is exact.

For data N(0, s^2) the best estimate of x_0 is known, so every error is that of the steps: spread / s - 1 in
per cent, of the samplers themselves, without clipping. What a network predicts makes no difference then (the
three columns agree to rounding); spacings do. DDPM's is of 200,000 samples.
"""

from collections.abc import Callable, Sequence

import torch
from benchmarks.support.report import Row, arguments, report
from drift_core.samplers import DdimSampler, DdpmSampler, DpmSolverSampler, Sampler
from drift_core.samplers.noise_schedule import PREDICTIONS, NoiseSchedule, Prediction
from torch import Tensor

SCHEDULE = NoiseSchedule(100)
KINDS: dict[str, type[Sampler]] = {"ddim": DdimSampler, "dpm": DpmSolverSampler, "ddpm": DdpmSampler}
COUNTS = (4, 8, 10, 16)
WIDTHS = (0.1, 0.3, 0.5)
SAMPLES = 200_000


def exact_network(width: float, prediction: Prediction) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the network that knows E[x_0 | x_k] = a s^2 x_k / (a^2 s^2 + b^2) for data N(0, s^2)."""

    def denoise(x: Tensor, k: Tensor) -> Tensor:
        abar = SCHEDULE.abar(int(k[0]))
        x_0 = abar**0.5 * width**2 / (abar * width**2 + 1.0 - abar) * x
        return SCHEDULE.target(x_0, SCHEDULE.noise_estimate(x, x_0, int(k[0])), k, prediction)

    return denoise


def even(count: int, first: int) -> tuple[int, ...]:
    return tuple(round(first * (1.0 - i / (count - 1))) for i in range(count))


def even_in(value: Callable[[int], float], count: int, first: int) -> tuple[int, ...]:
    """Return the steps nearest to even ones of a falling `value`, at least one apart."""
    wanted = [value(first) + (value(0) - value(first)) * i / (count - 1) for i in range(count)]
    steps = [min(range(first + 1), key=lambda k, w=w: abs(value(k) - w)) for w in wanted]  # type: ignore[misc]
    for i in range(count - 2, -1, -1):
        steps[i] = max(steps[i], steps[i + 1] + 1)
    return tuple(steps)


def ratio(k: int) -> float:
    """Return sigma_k = sqrt((1 - abar_k) / abar_k)."""
    abar = SCHEDULE.abar(k)
    return ((1.0 - abar) / abar) ** 0.5


SPACINGS: dict[str, Callable[[int, int], Sequence[int]]] = {
    "even": even,
    "quadratic": lambda count, first: even_in(lambda k: k**0.5, count, first),
    "cubic": lambda count, first: SCHEDULE.cubic_steps(count),
    "log-SNR": lambda count, first: even_in(lambda k: torch.tensor(ratio(k)).log().item(), count, first),
    "Karras": lambda count, first: even_in(lambda k: ratio(k) ** (1.0 / 7.0), count, first),
}


def spread_error(sampler: Sampler, width: float) -> float:
    """Return spread / width - 1 of what `sampler` makes of standard normal noise."""
    denoise = exact_network(width, sampler.prediction)
    generator = torch.Generator().manual_seed(0)
    if isinstance(sampler, DdpmSampler):
        found = float(sampler.sample(denoise, (1, SAMPLES, 1), generator).std())
    else:  # linear in the first latent
        found = float(sampler.sample(denoise, (1, 1, 1), generator, initial=torch.ones(1, 1, 1)).abs())
    return found / width - 1.0


def main() -> None:
    options = arguments("Spread of few-step samplers with an exact network").parse_args()
    rows: list[Row] = []
    first = SCHEDULE.cubic_steps(1)[0]
    kinds = [kind for kind in KINDS if kind != "ddpm" or not options.quick]
    for kind in kinds:
        for spacing, steps in SPACINGS.items():
            for count in COUNTS:
                row: dict[str, str | int | float | None] = {
                    "sampler": f"{kind}-{count}",
                    "spacing": spacing,
                }
                for prediction in PREDICTIONS if kind != "ddpm" else PREDICTIONS[1:2]:
                    sampler = KINDS[kind](SCHEDULE, prediction, steps(count, first), clip=None)
                    for width in WIDTHS:
                        row[f"{prediction} {width}"] = 100.0 * spread_error(sampler, width)
                rows.append(row)
    report("spread against that of the data, per cent", rows, options.json)


if __name__ == "__main__":
    main()
