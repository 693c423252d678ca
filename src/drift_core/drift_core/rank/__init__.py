"""Rank modulation: which part of each weight trains. Formulas, forms and policies: docs/drift.md."""

from drift_core.rank.change import LayerChange
from drift_core.rank.layers import Form, Modulated, RankPolicy
from drift_core.rank.modulation import (
    LayerRank,
    RankReport,
    every_layer,
    has_modulated_layers,
    merge,
    modulate,
    modulated_layers,
    rank_report,
    set_rank,
)
from drift_core.rank.subspace import Subspace

__all__ = [
    "Form",
    "LayerChange",
    "LayerRank",
    "Modulated",
    "RankPolicy",
    "RankReport",
    "Subspace",
    "every_layer",
    "has_modulated_layers",
    "merge",
    "modulate",
    "modulated_layers",
    "rank_report",
    "set_rank",
]
