"""One layer's change of rank: planned without touching the layer, then applied; and what it means for Adam's
moments."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from drift_core.rank.layers import Modulated
from drift_core.rank.moments import Moments, carried_moments
from drift_core.rank.subspace import orthonormal_rows, random_rows, top_rows

SCALE_MAX = 10.0  # of `matched_scale`: a layer whose weight is near 0 would ask for anything


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """What a layer will become."""

    rows: Tensor | None  # V (G, r, K) orthonormal, the directions that will train; None: dense
    left: tuple[Tensor, Tensor] | None  # U (G, N, r) and S (G, r) of form `usv`; None: form `left`, or dense


@dataclass(frozen=True, eq=False)
class LayerChange:
    """What a layer was and is; `old` are the parameters that no longer exist."""

    name: str
    old: dict[str, nn.Parameter]
    new: dict[str, nn.Parameter]
    old_rows: Tensor | None  # V of form `left` before; None: dense or usv
    new_rows: Tensor | None  # V of form `left` after
    layer: Modulated

    def carry(self, moments: dict[str, Moments]) -> dict[str, Moments]:
        """Return Adam's moments of the new parameters, given those of all old ones, by name."""
        layout = self.layer.layout
        return carried_moments(self.old, self.new, self.old_rows, self.new_rows, layout, moments)


@torch.no_grad()
def plan_change(layer: Modulated, rank: int, generator: torch.Generator | None) -> LayerPlan:
    """Find the directions that will train at `rank`; the layer is not touched.

    A fall keeps to directions that trained before; a rise takes them from the whole weight.
    """
    if rank >= layer.layout.max_rank:
        return LayerPlan(None, None)
    random = layer.settings.subspace == "random"
    groups, columns = layer.layout.groups, layer.layout.columns
    if layer.dense or rank > layer.rank:
        weight = layer.matrix()
        if random:
            rows = random_rows(groups, rank, columns, weight, _required(generator))
        else:
            rows = top_rows(weight, rank)
        turn = rows
    else:
        weight, within = trained_part(layer)
        if random:
            turn = random_rows(groups, rank, layer.rank, within, _required(generator))
        else:
            turn = torch.linalg.svd(weight, full_matrices=False).Vh[:, :rank]
        rows = turn @ within
    return _in_form(layer, rows, weight @ turn.mT)


@torch.no_grad()
def plan_directions(layer: Modulated, rows: Tensor) -> LayerPlan:
    """Let the directions `rows` (G, r, K), orthonormal, train from now on; the layer is not touched."""
    return _in_form(layer, rows, layer.matrix() @ rows.mT)


def _in_form(layer: Modulated, rows: Tensor, part: Tensor) -> LayerPlan:
    """Return the plan for directions `rows` and the part (G, N, r) of the weight along them."""
    if layer.settings.form == "left":
        return LayerPlan(rows, None)
    u, s, vh = torch.linalg.svd(part, full_matrices=False)
    return LayerPlan(vh @ rows, (u, s))


@torch.no_grad()
def trained_part(layer: Modulated) -> tuple[Tensor, Tensor]:
    """Return C (G, N, r) and orthonormal V (G, r, K): the part C V of the weight that lies in the trained
    directions."""
    if layer.settings.form == "left":
        rows = layer.right()
        return torch.baddbmm(layer.dA, layer.base(), rows.mT), rows
    rows = orthonormal_rows(layer.Vh)
    return layer.left() @ (layer.Vh @ rows.mT), rows


@torch.no_grad()
def apply_change(layer: Modulated, plan: LayerPlan, name: str) -> LayerChange:
    """Carry out a plan; the weight that the layer stands for does not change beyond rounding."""
    old = layer.factors()
    trainable = layer.trainable
    left_form = layer.settings.form == "left"
    old_rows = layer.right() if left_form and not layer.dense else None
    if plan.rows is None:
        layer.set_dense(layer.dense_matrix(), trainable)
    elif plan.left is None:
        zeros = plan.rows.new_zeros(layer.layout.groups, layer.layout.rows, plan.rows.shape[1])
        layer.set_factors(layer.matrix(), plan.rows, (zeros,), trainable)
    else:
        u, s = plan.left
        frozen = torch.baddbmm(layer.matrix(), u * s[:, None, :], plan.rows, alpha=-1.0)
        layer.set_factors(frozen, plan.rows, plan.left, trainable)
    layer.update_scale = matched_scale(layer)
    new_rows = layer.right() if left_form and not layer.dense else None
    return LayerChange(name, old, layer.factors(), old_rows, new_rows, layer)


@torch.no_grad()
def matched_scale(layer: Modulated) -> float:
    """Return by what to multiply the learning rate of Adam, so that a step changes the weight as much as if
    dense.

    Adam moves every number by about the rate h, so a dense weight by h sqrt(N K) in the Frobenius norm;
    through dA by h sqrt(N r); through U and Vh by h sqrt(r (N + K)) times the root mean square of S.
    """
    if layer.dense:
        return 1.0
    n, k, r = layer.layout.rows, layer.layout.columns, layer.rank
    if layer.settings.form == "left":
        scale = math.sqrt(k / r)
    else:
        spread = max(float(layer.S.square().mean().sqrt()), 1e-6)
        scale = math.sqrt(n * k / (r * (n + k))) / spread
    return min(max(scale, 1.0), SCALE_MAX)


def _required(generator: torch.Generator | None) -> torch.Generator:
    assert generator is not None, "checked when the plan was asked for"
    return generator
