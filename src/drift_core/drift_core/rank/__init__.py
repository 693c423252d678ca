"""Rank modulation: which part of each weight trains. Formulas, forms and policies: docs/drift.md."""

from drift_core.rank.change import LayerChange
from drift_core.rank.layers import Form, Modulated, RankPolicy
from drift_core.rank.modulation import (
    LayerRank,
    RankPlan,
    RankReport,
    allocate_ranks,
    apply_rank,
    every_layer,
    has_modulated_layers,
    is_fraction,
    layer_ranks,
    mean_fraction,
    merge,
    modulate,
    modulated_layers,
    plan_along,
    plan_rank,
    plan_ranks,
    rank_report,
    set_rank,
    update_scales,
)
from drift_core.rank.subspace import Subspace

__all__ = [
    "Form",
    "LayerChange",
    "LayerRank",
    "Modulated",
    "RankPlan",
    "RankPolicy",
    "RankReport",
    "Subspace",
    "allocate_ranks",
    "apply_rank",
    "every_layer",
    "has_modulated_layers",
    "is_fraction",
    "layer_ranks",
    "mean_fraction",
    "merge",
    "modulate",
    "modulated_layers",
    "plan_along",
    "plan_rank",
    "plan_ranks",
    "rank_report",
    "set_rank",
    "update_scales",
]
