"""Whether a learned network shows the dimension of a plane, and whether a gradient shows it better.

Two Gaussians on a plane in 8 dimensions, along random axes. Each network is trained on them; at 30 latents
the local dimension must be 2. `off_plane`: root mean square of samples across the plane; `mmd`: maximum mean
discrepancy of 500 samples to 500 true ones (Gaussian kernels of width 0.2, 0.5 and 1), row "true": of two
sets of true ones.
"""

from statistics import median

import torch
from benchmarks.support.report import Row, arguments, report
from drift_core.denoisers import EnergyConfig, MlpConfig
from drift_core.diagnostics.dimension import local_dimension
from drift_core.diagnostics.fields import DenoiserFields
from drift_core.diagnostics.mixture import Mixture
from drift_core.diagnostics.trial import train_on_mixture
from drift_core.samplers.noise_schedule import NoiseSchedule, Prediction
from torch import Tensor

SIZE, FLAT, LATENTS, SAMPLES, FLOW_STEPS = 8, 2, 30, 500, 16
NETWORKS = (MlpConfig(width=128, blocks=2, step_dim=32), EnergyConfig(width=128, blocks=2, step_dim=32))
PREDICTIONS: tuple[Prediction, ...] = ("epsilon", "sample")
SCHEDULE = NoiseSchedule(100)


def main() -> None:
    options = arguments("Local dimension of learned networks on a plane").parse_args()
    torch.set_num_threads(1)
    plane = two_gaussians()
    steps = 200 if options.quick else 700
    rows = [measure(plane, network, kind, steps) for network in NETWORKS for kind in PREDICTIONS]
    truth = {"network": "true", "mmd": mmd(true_samples(plane, 4), true_samples(plane, 5))}
    report(f"a plane in {SIZE} dimensions, {steps} gradient steps", [*rows, truth], options.json)


def two_gaussians() -> Mixture:
    """Return them: 1 apart on the plane, spread 0.3 along it."""
    axes = torch.linalg.qr(torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0)))[0]
    means, spreads = torch.zeros(2, SIZE), torch.zeros(2, SIZE)
    means[0, 0], means[1, 0] = 0.5, -0.5
    spreads[:, :FLAT] = 0.3
    return Mixture(torch.tensor([0.5, 0.5]), means, spreads, axes)


def measure(plane: Mixture, network: MlpConfig | EnergyConfig, prediction: Prediction, steps: int) -> Row:
    """Train one network and look at it in float64."""
    net = train_on_mixture(network, SCHEDULE, prediction, plane, steps, torch.Generator().manual_seed(1))
    flow = DenoiserFields(net.double(), torch.zeros(1, 1, dtype=torch.float64), SCHEDULE, prediction).flow(
        FLOW_STEPS
    )
    found = [local_dimension(flow, w) for w in latents(LATENTS, 2)]
    samples = flow(latents(SAMPLES, 3)).detach()
    across = (samples @ plane.axes.T.double())[:, FLAT:]
    return {
        "network": network.kind,
        "prediction": prediction,
        "exact": sum(there.dimension == FLAT for there in found),
        "of": LATENTS,
        "gap_median": median(there.gap for there in found),
        "mmd": mmd(samples, true_samples(plane, 4)),
        "off_plane": float(across.square().mean().sqrt()),
    }


def latents(count: int, seed: int) -> Tensor:
    return torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def true_samples(plane: Mixture, seed: int) -> Tensor:
    return plane.sample(SAMPLES, torch.Generator().manual_seed(seed)).double()


def mmd(x: Tensor, y: Tensor) -> float:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = torch.cdist(a, b).square()
        return torch.stack([torch.exp(-squares / (2.0 * width**2)).mean() for width in (0.2, 0.5, 1.0)]).sum()

    return float(kernel(x, x) + kernel(y, y) - 2.0 * kernel(x, y))


if __name__ == "__main__":
    main()
