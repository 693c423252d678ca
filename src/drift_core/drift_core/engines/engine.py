"""An engine: a denoiser run by something fast, with the proof that it computes the same."""

import time
from dataclasses import dataclass

import torch
from drift_config.errors import DriftError
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser, Stages, Trunk, version_of

_CHECKS = 3  # random inputs
TOLERANCE = 1e-4  # in float32: largest difference to PyTorch, relative to the largest output


class EngineError(DriftError):
    """An engine that cannot be built, or does not compute what the network computes."""


@dataclass(frozen=True, eq=False)
class Engine:
    """A verified implementation of one denoiser's stages for batch size 1."""

    name: str
    stages: Stages
    step_ms: float  # of one call of the trunk: the least of some, since others may need the processor, too
    eager_ms: float  # the same of PyTorch
    difference: float  # largest difference to PyTorch, relative to the largest output
    weights: tuple[object, ...]  # of which weights, see `version_of`

    def checked_stages(self, denoiser: Denoiser) -> Stages:
        """Return the stages if they still belong to the weights of `denoiser`."""
        if version_of(denoiser.parameters()) != self.weights:
            raise EngineError(
                f"engine={self.name!r} was built for other weights: build it anew after a change"
            )
        return self.stages


def eager_engine(denoiser: Denoiser) -> Engine:
    """Return PyTorch itself as an engine."""
    return verified("eager", denoiser.stages(), denoiser)


@torch.no_grad()
def verified(name: str, stages: Stages, denoiser: Denoiser, tolerance: float = TOLERANCE) -> Engine:
    """Compare `stages` with those of `denoiser` on random inputs, time the trunk, and return the engine."""
    worst = 0.0
    times_ms: list[float] = []
    eager_ms: list[float] = []
    for seed in range(_CHECKS):
        x, film = example_inputs(denoiser, seed)
        expected = _timed(denoiser.trunk, x, film, eager_ms)
        found = _timed(stages.trunk, x, film, times_ms)
        condition = example_condition(denoiser, seed)
        observed = stages.condition_film(condition)
        worst = max(
            worst,
            _difference(name, found, expected, tolerance),
            _difference(name, observed, denoiser.condition_film(condition), tolerance),
        )
    return Engine(name, stages, min(times_ms), min(eager_ms), worst, version_of(denoiser.parameters()))


def _timed(trunk: Trunk, x: Tensor, film: Tensor, times_ms: list[float]) -> Tensor:
    """Return what `trunk` does, and note how long that took."""
    started_s = time.perf_counter()
    out = trunk(x, film)
    if out.is_cuda:
        torch.cuda.current_stream(out.device).synchronize()
    times_ms.append(1e3 * (time.perf_counter() - started_s))
    return out


def _difference(name: str, found: Tensor, expected: Tensor, tolerance: float) -> float:
    """Return the largest difference relative to the largest value; EngineError if there is too much."""
    if not expected.isfinite().all():
        raise EngineError("the network's output must be finite, got NaN or infinity")
    if found.shape != expected.shape:
        raise EngineError(f"engine={name!r} must return {tuple(expected.shape)}, got {tuple(found.shape)}")
    scale = float(expected.abs().max().clamp(min=1e-6))
    difference = float((found - expected).abs().max()) / scale
    if not difference <= tolerance:  # also if it is not a number
        raise EngineError(f"engine={name!r} differs by {difference:.2g} from eager, allowed: {tolerance}")
    return difference


def example_inputs(denoiser: Denoiser, seed: int) -> tuple[Tensor, Tensor]:
    """Return random x (1, T, A) and FiLM values (1, sum of film_sizes) on the device of `denoiser`."""
    x = _random(denoiser, seed, denoiser.horizon, denoiser.action_dim)
    return x, 0.3 * _random(denoiser, seed + 1, sum(denoiser.film_sizes))


def example_condition(denoiser: Denoiser, seed: int) -> Tensor:
    """Return a random condition (1, C) on the device of `denoiser`."""
    return _random(denoiser, seed, denoiser.condition_dim)


def _random(denoiser: Denoiser, seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, *shape, generator=generator).to(next(denoiser.parameters()).device)
