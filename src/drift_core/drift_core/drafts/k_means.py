"""k-means (Lloyd, 1982) from k-means++ seeds (Arthur & Vassilvitskii, 2007)."""

import torch
from torch import Tensor

_ROUNDS = 100


def k_means(points: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return `count` means (M, D) of `points` (N, D), N >= M, and which is nearest to each point (N,).

    A mean to which no point belongs any more stays where it is.
    """
    means = _seeds(points, count, generator)
    nearest = torch.cdist(points, means).argmin(dim=1)
    for _ in range(_ROUNDS):
        sums = torch.zeros_like(means).index_add(0, nearest, points)
        counts = nearest.bincount(minlength=count)[:, None]
        means = torch.where(counts > 0, sums / counts.clamp(min=1), means)
        moved = torch.cdist(points, means).argmin(dim=1)
        if torch.equal(moved, nearest):
            break
        nearest = moved
    return means, nearest


def _seeds(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return points far apart: each is drawn by its squared distance from those before."""
    first = int(torch.randint(len(points), (1,), generator=generator))
    chosen = [first]
    distance = torch.full((len(points),), float("inf"), dtype=points.dtype)
    while len(chosen) < count:
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(dim=1))
        weight = distance if float(distance.sum()) > 0.0 else torch.ones_like(distance)
        chosen.append(int(torch.multinomial(weight, 1, generator=generator)))
    return points[chosen]
