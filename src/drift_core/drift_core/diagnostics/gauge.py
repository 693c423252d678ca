"""Whether the error of a score changes the density, or is gauge: a flow along which nothing piles up.

With score s = grad log p + r, the density p is transported alike if div(p r) = 0, that is
    g = div r + r . grad log p = 0.
r may be of any size and need not be small, nor s a gradient.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.diagnostics.jacobian import Field
from drift_core.diagnostics.mixture import Mixture

_ROUNDING = 1e-9  # an error smaller than this is none


@dataclass(frozen=True)
class ScoreError:
    """Root mean squares over samples of the density."""

    error: float  # |r| / |grad log p|
    gauge_residual: float  # |g| / (|r| |grad log p|): 0 of a gauge, sqrt(2 / D) of a radial error


def score_error(score: Field, mixture: Mixture, x: Tensor) -> ScoreError:
    """Compare `score` with that of `mixture` at its samples `x` (N, D)."""
    with torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        true = mixture.score(at)
        r = score(at) - true
        divergence = torch.zeros(len(x), dtype=x.dtype)
        for axis in range(x.shape[1]):
            slope = torch.autograd.grad(r[:, axis].sum(), at, retain_graph=True)[0]
            divergence = divergence + slope[:, axis]
    r, true = r.detach(), true.detach()
    g = divergence + (r * true).sum(1)
    size, scale = _rms(r), _rms(true)
    residual = float(g.square().mean().sqrt()) / (size * scale) if size > _ROUNDING * scale else 0.0
    return ScoreError(size / scale, residual)


def _rms(vectors: Tensor) -> float:
    return float(vectors.square().sum(1).mean().sqrt())
