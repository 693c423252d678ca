"""Adam's moments of a layer, taken along when its rank changes, so that its weight goes on at the same pace.

Let G (N, K) be the gradient of the weight. Then that of dA is G V^T, and those of U, S, Vh are G V^T diag(S),
diag(U^T G V^T) and diag(S) U^T G. So what Adam knows is G along the rows V, and in form `usv` besides G^T
along the columns U; of a dense layer it knows all of it. New directions are combinations of the known ones,
and of others where the rank rises.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from drift_core.rank.layout import Layout
from drift_core.rank.subspace import orthonormal_rows

Moments = tuple[Tensor, Tensor]  # means of gradients and of their squares, without Adam's bias towards 0
_SMALLEST = 1e-3  # singular values below this share of the largest count as this share


@dataclass(frozen=True, eq=False)
class Along:
    """Moments of G B^T (N, r) along known directions, the rows B (r, K); of G itself without B."""

    first: Tensor
    second: Tensor
    rows: Tensor | None

    def turned(self, rows: Tensor | None) -> Moments:
        """Return the moments along orthonormal `rows`, or of G itself.

        The mean is that of the known part of G. Squares are those of the mean and the spread about it, for
        which entries are taken as independent; unknown directions are like the mean of the known ones, so
        that Adam moves none of them further than those.
        """
        if self.rows is None:
            assert rows is not None
            return _mixed(self.first, self.second, rows)
        inverse = _inverse(self.rows)  # (K, r)
        mix = inverse if rows is None else rows @ inverse  # (r_new, r): the known part is mix B
        unknown = (1.0 - (mix @ self.rows).square().sum(-1)).clamp_min(0.0)  # squared, (r_new)
        first, second = _mixed(self.first, self.second, mix)
        return first, second + self.second.mean(-1, keepdim=True) * unknown[:, None, :]


@torch.no_grad()
def carried_moments(
    old: Mapping[str, Tensor],
    new: Mapping[str, Tensor],
    old_rows: Tensor | None,
    new_rows: Tensor | None,
    layout: Layout,
    moments: Mapping[str, Moments],
) -> dict[str, Moments]:
    """Return the moments of the parameters `new` from those of the parameters `old` of one layer.

    `old_rows` and `new_rows` are V of form `left`.
    """
    across = None  # G^T along the columns U
    if "weight" in old:
        first, second = (layout.to_matrix(moment) for moment in moments["weight"])
        along, across = Along(first, second, None), Along(first.mT, second.mT, None)
    elif "dA" in old:
        along = Along(*moments["dA"], old_rows)
    else:
        s = _away_from_zero(old["S"])[:, None, :]
        (u1, u2), (v1, v2) = moments["U"], moments["Vh"]
        along = Along(u1 / s, u2 / s.square(), old["Vh"])
        across = Along(v1.mT / s, v2.mT / s.square(), old["U"].mT)
    if "dA" in new:
        return {"dA": along.turned(new_rows)}
    if "weight" in new:
        whole = along.turned(None) if across is None else _joined(along, across)
        return {"weight": (layout.to_weight(whole[0]), layout.to_weight(whole[1]))}
    assert across is not None
    u, s, vh = new["U"], new["S"][:, None, :], new["Vh"]
    (a1, a2), (b1, b2) = along.turned(vh), across.turned(u.mT)  # (N, r), (K, r)
    of_s = _mixed(a1.mT, a2.mT, u.mT)  # (r, r): G V^T along u, of which the diagonal belongs to S
    return {
        "U": (a1 * s, a2 * s.square()),
        "S": (of_s[0].diagonal(dim1=1, dim2=2), of_s[1].diagonal(dim1=1, dim2=2)),
        "Vh": ((b1 * s).mT, (b2 * s.square()).mT),
    }


def _joined(along: Along, across: Along) -> Moments:
    """Return the moments of G itself from those along rows and along columns."""
    assert along.rows is not None and across.rows is not None
    (a1, a2), (b1, b2) = along.turned(None), across.turned(None)
    both = _inverse(across.rows) @ (across.rows @ a1)  # the part that both know
    return a1 + b1.mT - both, (a2 + b2.mT) / 2.0


def _mixed(first: Tensor, second: Tensor, mix: Tensor) -> Moments:
    """Return the moments of G mix^T from those of G."""
    # Without the mean in the squares a direction in which all entries agree would look quieter than it is,
    # and Adam take up to sqrt(K) times the step.
    mean = first @ mix.mT
    spread = (second - first.square()).clamp_min(0.0)
    return mean, mean.square() + spread @ mix.mT.square()


def _inverse(rows: Tensor) -> Tensor:
    """Return the pseudo-inverse (K, r) of `rows` (r, K)."""
    orthonormal = orthonormal_rows(rows)
    return orthonormal.mT @ torch.linalg.pinv(rows @ orthonormal.mT, rtol=_SMALLEST)


def _away_from_zero(values: Tensor) -> Tensor:
    smallest = (_SMALLEST * values.abs().amax(-1, keepdim=True)).clamp_min(torch.finfo(values.dtype).tiny)
    return torch.where(values < 0.0, -1.0, 1.0) * values.abs().maximum(smallest)
