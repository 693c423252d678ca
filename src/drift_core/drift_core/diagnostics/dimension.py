"""Local intrinsic dimension: how many directions of the noise still move what is sampled.

The Jacobian of the deterministic sampler, from the first latent to clean data, has singular values of the
order of the data's spread along its manifold and ~0 across it. Counted are those before the largest gap on
the logarithmic scale, of values that are not next to nothing. Normalised units: the normaliser scales them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drift_core.diagnostics.jacobian import Field, jacobian

_FLOOR = 1e-4  # of the largest: what is smaller is as good as zero
_ALIVE = 0.05  # a direction that moves the data by less, per unit of noise, is none
_GAP_MIN = 2.0  # between two neighbours; less is no gap


@dataclass(frozen=True)
class Dimension:
    """What the singular values of one Jacobian say."""

    singular_values: tuple[float, ...]  # decreasing
    dimension: int | None  # 0: the noise hardly matters; None: no gap, any number would be a guess
    gap: float  # ratio of the values on both sides of the largest gap


def dimension_of(singular_values: Sequence[float]) -> Dimension:
    """Return how many of the values (D,) stand before the largest gap."""
    values = np.sort(np.asarray(singular_values, dtype=float))[::-1]
    lifted = np.maximum(values, _FLOOR * max(values[0], np.finfo(float).tiny))
    if not values[0] >= _ALIVE:
        return Dimension(tuple(values.tolist()), 0, 1.0)
    ratios = (lifted[:-1] / lifted[1:])[values[:-1] >= _ALIVE]
    best = int(ratios.argmax()) if len(ratios) else 0
    gap = float(ratios[best]) if len(ratios) else 1.0
    return Dimension(tuple(values.tolist()), best + 1 if gap >= _GAP_MIN else None, gap)


def local_dimension(flow: Field, w: Tensor) -> Dimension:
    """Return the dimension at the clean data that `flow` makes of the latent `w` (D,)."""
    return dimension_of(torch.linalg.svdvals(jacobian(flow, w)).tolist())
