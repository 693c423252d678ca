"""An engine: a denoiser's trunk run by something fast, with the proof that it computes the same."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser, Trunk, version_of
from drift_core.errors import DriftError

TOLERANCE = 1e-4  # largest difference to PyTorch, relative to the largest output


class EngineError(DriftError):
    """An engine that cannot be built, or does not compute what the network computes."""


@dataclass(frozen=True, eq=False)
class Engine:
    """A verified implementation of one denoiser's trunk for batch size 1."""

    name: str
    trunk: Trunk
    step_ms: float  # median time of one call
    difference: float  # largest difference to PyTorch, relative to the largest output
    weights: tuple[object, ...]  # of which weights, see `version_of`

    def checked_trunk(self, denoiser: Denoiser) -> Trunk:
        """Return the trunk if it still belongs to the weights of `denoiser`."""
        if version_of(denoiser.parameters()) != self.weights:
            raise EngineError(
                f"engine={self.name!r} was built for other weights: build it anew after a change"
            )
        return self.trunk


def eager_engine(denoiser: Denoiser) -> Engine:
    """Return PyTorch itself as an engine."""
    return verified("eager", denoiser.trunk, denoiser)


@torch.no_grad()
def verified(name: str, trunk: Trunk, denoiser: Denoiser) -> Engine:
    """Compare `trunk` with that of `denoiser` on random inputs, time it, and return the engine."""
    worst, times_ms = 0.0, []
    for seed in range(7):
        x, film = example_inputs(denoiser, seed)
        expected = denoiser.trunk(x, film)
        if not expected.isfinite().all():
            raise EngineError("the network's output must be finite, got NaN or infinity")
        started_s = time.perf_counter()
        found = trunk(x, film)
        if found.is_cuda:
            torch.cuda.current_stream(found.device).synchronize()
        times_ms.append(1e3 * (time.perf_counter() - started_s))
        if found.shape != expected.shape:
            raise EngineError(
                f"engine={name!r} must return {tuple(expected.shape)}, got {tuple(found.shape)}"
            )
        scale = float(expected.abs().max().clamp(min=1e-6))
        difference = float((found - expected).abs().max()) / scale
        if not difference <= TOLERANCE:  # also if it is not a number
            raise EngineError(f"engine={name!r} differs by {difference:.2g} from eager, allowed: {TOLERANCE}")
        worst = max(worst, difference)
    return Engine(name, trunk, statistics.median(times_ms), worst, version_of(denoiser.parameters()))


def example_inputs(denoiser: Denoiser, seed: int) -> tuple[Tensor, Tensor]:
    """Return random x (1, T, A) and FiLM values (1, sum of film_sizes) on the device of `denoiser`."""
    generator = torch.Generator().manual_seed(seed)
    device = next(denoiser.parameters()).device
    x = torch.randn(1, denoiser.horizon, denoiser.action_dim, generator=generator)
    film = 0.3 * torch.randn(1, sum(denoiser.film_sizes), generator=generator)
    return x.to(device), film.to(device)
