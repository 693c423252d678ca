"""Ranks that follow the gradient: up where much of it is outside the trained subspace, down where little is.

With G the gradient of a layer's whole weight (N, K), the share of its energy that no step can follow is

    left:  e = |G (I - V^T V)|^2 / |G|^2          usv:  e = |(I - U U^T) G (I - V^T V)|^2 / |G|^2

with orthonormal rows V and columns U. A look every `every` gradient steps doubles the rank of a layer whose e
is above `raise_above`, and halves that of one whose e is below `lower_below` and, with the directions that
would be left, not above `raise_above`; so the same gradient never raises what it has just lowered.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Literal

import torch
from drift_config.errors import ConfigError
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from drift_core.rank.change import LayerPlan, plan_change
from drift_core.rank.layers import Modulated
from drift_core.rank.modulation import modulated_layers, trained_rank
from drift_core.rank.subspace import orthonormal_rows

_Fraction = Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True, config=STRICT)
class AdaptiveRank:
    """Each layer has a rank of its own, a power of 2 from `start` apart, within `lowest` and `highest`."""

    start: _Fraction
    lowest: _Fraction
    highest: _Fraction
    every: Annotated[int, Field(ge=1)]  # gradient steps between two looks
    raise_above: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    lower_below: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.4
    batches: Annotated[int, Field(ge=1)] = 4  # of a look; the gradient of one is mostly noise
    kind: Literal["adaptive"] = "adaptive"

    def __post_init__(self) -> None:
        if not self.lowest <= self.start <= self.highest:
            raise ConfigError(f"start={self.start} must lie in {self.lowest}..{self.highest}")
        if self.lower_below >= self.raise_above:
            raise ConfigError(f"lower_below={self.lower_below} must be below raise_above={self.raise_above}")

    def __call__(self, step: int) -> float:
        """Return the fraction with which all layers start."""
        return self.start

    def scaled(self, share: float) -> "AdaptiveRank":
        """Return the schedule with as many looks in a training of `share` of the steps."""
        return replace(self, every=max(1, round(share * self.every)))

    def is_due(self, step: int) -> bool:
        """Return whether to look before the gradient step `step` of a round."""
        return step > 0 and step % self.every == 0

    def turn(self, outside: float, outside_if_lower: Callable[[], float]) -> int:
        """Return 1 to raise a rank, -1 to lower it, 0 to keep it."""
        if outside > self.raise_above:
            return 1
        if outside < self.lower_below and outside_if_lower() <= self.raise_above:
            return -1
        return 0

    @torch.no_grad()
    def ranks(
        self, module: nn.Module, gradients: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> dict[str, int]:
        """Return the rank that every modulated layer of `module` is to have.

        `gradients`: of the weights that the layers stand for, in weight layout, by the layers' names.
        """
        return {
            name: self._rank(layer, layer.layout.to_matrix(gradients[name]), generator)
            if name in gradients
            else layer.requested
            for name, layer in modulated_layers(module).items()
        }

    def _rank(self, layer: Modulated, gradient: Tensor, generator: torch.Generator | None) -> int:
        if not 0.0 < float(torch.linalg.vector_norm(gradient)) < float("inf"):
            return layer.requested
        lower = self._other(layer, 0.5)

        def outside_if_lower() -> float:
            if lower == layer.requested:
                return 1.0
            rank = trained_rank(layer.layout, layer.settings, lower)
            return outside_share(gradient, *_planned(plan_change(layer, rank, generator)))

        turn = self.turn(outside_share(gradient, *_subspace(layer)), outside_if_lower)
        return {1: self._other(layer, 2.0), -1: lower, 0: layer.requested}[turn]

    def _other(self, layer: Modulated, factor: float) -> int:
        """Return the next rank, by that factor again and again, at which another number of directions trains;
        the present one if there is none within the bounds."""
        top = layer.layout.max_rank
        lowest, highest = (max(1, round(fraction * top)) for fraction in (self.lowest, self.highest))
        rank, before = layer.requested, trained_rank(layer.layout, layer.settings, layer.requested)
        while (other := min(max(round(factor * rank), lowest), highest)) != rank:
            rank = other
            if trained_rank(layer.layout, layer.settings, rank) != before:
                return rank
        return layer.requested


def outside_share(gradient: Tensor, rows: Tensor | None, columns: Tensor | None) -> float:
    """Return which share of the energy of `gradient` (G, N, K) lies outside a trained subspace.

    `rows` V (G, r, K) and `columns` U (G, N, r) are orthonormal; both None: everything trains, 0.
    """
    if rows is None:
        return 0.0
    rest = gradient - gradient @ rows.mT @ rows
    if columns is not None:
        rest = rest - columns @ (columns.mT @ rest)
    return float(rest.square().sum() / gradient.square().sum())


def _subspace(layer: Modulated) -> tuple[Tensor | None, Tensor | None]:
    if layer.dense:
        return None, None
    if layer.settings.form == "left":
        return layer.right(), None
    return orthonormal_rows(layer.Vh), orthonormal_rows(layer.U.mT).mT


def _planned(plan: LayerPlan) -> tuple[Tensor | None, Tensor | None]:
    return plan.rows, None if plan.left is None else plan.left[0]
