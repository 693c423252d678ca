"""An engine: a network run by something fast, with the proof that it computes the same."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from drift_config.errors import DriftError
from torch import Tensor

from drift_core.denoisers.denoiser import Denoiser, version_of
from drift_core.encoders import CameraEncoder
from drift_core.engines.parts import Part, Run, parts_of

EAGER = "eager"
_CHECKS = 3  # random inputs
TOLERANCE = 1e-4  # in float32: largest difference to PyTorch, relative to the largest output


class EngineError(DriftError):
    """An engine that cannot be built, or does not compute what the network computes."""


@dataclass(frozen=True, eq=False)
class Engine:
    """A verified implementation of one network's parts for batch size 1."""

    name: str
    runs: Mapping[str, Run]  # by part, see `parts_of`
    call_ms: float  # of one call of each part: the least of some, since others may need the processor, too
    eager_ms: float  # the same of PyTorch
    difference: float  # largest difference to PyTorch, relative to the largest output
    weights: tuple[object, ...]  # of which weights, see `version_of`

    def checked_runs(self, network: Denoiser | CameraEncoder) -> Mapping[str, Run]:
        """Return what runs the parts if it still belongs to the weights of `network`."""
        if version_of(network.parameters()) != self.weights:
            raise EngineError(
                f"engine={self.name!r} was built for other weights: build it anew after a change"
            )
        return self.runs


@torch.no_grad()
def build(
    name: str,
    network: Denoiser | CameraEncoder,
    run_of: Callable[[Part], Run],
    tolerance: float = TOLERANCE,
) -> Engine:
    """Return an engine of what `run_of` makes of each part; EngineError if it does not compute the same."""
    if name != EAGER and isinstance(network, Denoiser) and not network.traceable:
        raise EngineError(
            f"engine={name!r} cannot run a denoiser of kind {network.config.kind!r}, which takes gradients; "
            f"allowed: auto, {EAGER}"
        )
    runs, worst, call_ms, eager_ms = {}, 0.0, 0.0, 0.0
    for label, part in parts_of(network).items():
        run = runs[label] = run_of(part)
        times_ms: list[float] = []
        slow_ms: list[float] = []
        for seed in range(_CHECKS):
            inputs = part.example(seed)
            expected = _timed(part, inputs, slow_ms)
            found = _timed(run, inputs, times_ms)
            worst = max(worst, _difference(name, found, expected, tolerance))
        call_ms, eager_ms = call_ms + min(times_ms), eager_ms + min(slow_ms)
    return Engine(name, runs, call_ms, eager_ms, worst, version_of(network.parameters()))


def _timed(run: Run, inputs: tuple[Tensor, ...], times_ms: list[float]) -> Tensor:
    """Return what `run` does, and note how long that took."""
    started_s = time.perf_counter()
    out = run(*inputs)
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
