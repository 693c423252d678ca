"""Rank modulation of any module: `modulate`, `set_rank`, `merge`, and what is trained (`rank_report`).

Ranks are given per layer as a `fraction` of each layer's own maximum min(out, in k), or as the paper's one
global `rank` that every layer takes up to its maximum. Everything is checked and planned before any layer is
touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from drift_config.errors import ConfigError
from torch import Tensor, nn

from drift_core.rank.change import LayerChange, LayerPlan, apply_change, plan_change, plan_directions
from drift_core.rank.cost import fast_rank
from drift_core.rank.layers import (
    CLASSES,
    FORMS,
    POLICIES,
    Form,
    Modulated,
    RankPolicy,
    Settings,
    become_modulated,
)
from drift_core.rank.layout import Layout, layout_of
from drift_core.rank.subspace import Subspace, top_rows

Where = Callable[[str, nn.Module], bool]


def every_layer(name: str, layer: nn.Module) -> bool:
    """Choose every layer of a supported type (the default of `modulate`)."""
    return True


def modulate(
    module: nn.Module,
    fraction: float | None = None,
    *,
    rank: int | None = None,
    form: Form = "left",
    policy: RankPolicy = "fast",
    where: Where = every_layer,
    subspace: Subspace = "top",
    bfloat16: bool = False,
    generator: torch.Generator | None = None,
) -> list[LayerChange]:
    """Make the layers that `where(name, layer)` chooses rank-modulated, in place; return those whose
    parameters changed.

    Without `fraction` and `rank` all layers start dense, at full rank. `generator` is needed for subspace
    "random".
    """
    _check_choice("form", form, FORMS)
    _check_choice("policy", policy, POLICIES)
    _check_choice("subspace", subspace, ("top", "random"))
    settings = Settings(form, policy, subspace, bfloat16)
    chosen = {
        name: layer for name, layer in module.named_modules() if type(layer) in CLASSES and where(name, layer)
    }
    for name, layer in module.named_modules():
        if isinstance(layer, Modulated) and where(name, layer):
            raise ConfigError(f"layer {_shown(name)} is modulated already; change its rank with set_rank")
    if not chosen:
        allowed = ", ".join(kind.__name__ for kind in CLASSES)
        raise ConfigError(
            f"{type(module).__name__} has no layer to modulate; allowed: {allowed}, chosen by `where`"
        )
    _check_weights(module, chosen)
    if bfloat16:
        _check_bfloat16(chosen)
    if fraction is not None or rank is not None:
        _requested({name: layout_of(layer) for name, layer in chosen.items()}, fraction, rank)
    if subspace == "random" and generator is None:
        raise ConfigError("generator=None must be a torch.Generator for subspace='random'")
    layers = {name: become_modulated(layer, settings) for name, layer in chosen.items()}
    if fraction is None and rank is None:
        return []
    try:
        return apply_rank(_plan_layers(layers, fraction, rank, generator))
    except BaseException:
        for layer in layers.values():
            layer.plain()
        raise


def set_rank(
    module: nn.Module,
    fraction: float | None = None,
    *,
    rank: int | None = None,
    generator: torch.Generator | None = None,
) -> list[LayerChange]:
    """Change the rank of every modulated layer of `module`, down or up; return the layers whose parameters
    changed.

    The function that the module computes stays the same within rounding. A layer whose trainable rank stays
    as it is keeps its parameters.
    """
    return apply_rank(plan_rank(module, fraction, rank=rank, generator=generator))


@dataclass(frozen=True, eq=False)
class RankPlan:
    """What `set_rank` will do, when all that can go wrong has been checked and computed."""

    layers: dict[str, Modulated]
    requested: dict[str, int]
    plans: dict[str, LayerPlan]  # of the layers whose trainable rank changes


def plan_rank(
    module: nn.Module,
    fraction: float | None = None,
    *,
    rank: int | None = None,
    generator: torch.Generator | None = None,
) -> RankPlan:
    """Check and compute a change of rank without touching the module."""
    return _plan_layers(modulated_layers(module), fraction, rank, generator)


def plan_ranks(
    module: nn.Module, ranks: Mapping[str, int], generator: torch.Generator | None = None
) -> RankPlan:
    """Check and compute a change to a rank of its own for every layer, without touching the module."""
    layers = modulated_layers(module)
    if layers.keys() != ranks.keys():
        wrong = sorted(layers.keys() ^ ranks.keys())
        raise ConfigError(f"ranks must be given for the modulated layers alone, differ in: {wrong[:5]}")
    for name, layer in layers.items():
        if not 1 <= ranks[name] <= layer.layout.max_rank:
            most = layer.layout.max_rank
            raise ConfigError(f"layer {_shown(name)}: rank={ranks[name]} must lie in 1..{most}")
    return _plan_requested(layers, dict(ranks), generator)


def plan_along(module: nn.Module, gradients: Mapping[str, Tensor]) -> RankPlan:
    """Compute what lets every factored layer train, at the rank that it has, along the top right singular
    vectors of its gradient, without touching the module.

    `gradients`: of the weights that the layers stand for, in weight layout, by the layers' names. A layer
    without one, or whose gradient is 0, keeps its directions.
    """
    layers = modulated_layers(module)
    plans = {}
    for name, layer in layers.items():
        gradient = gradients.get(name)
        if not layer.dense and gradient is not None and gradient.any():
            plans[name] = plan_directions(layer, top_rows(layer.layout.to_matrix(gradient), layer.rank))
    return RankPlan(layers, {name: layer.requested for name, layer in layers.items()}, plans)


def _plan_layers(
    layers: dict[str, Modulated], fraction: float | None, rank: int | None, generator: torch.Generator | None
) -> RankPlan:
    requested = _requested({name: layer.layout for name, layer in layers.items()}, fraction, rank)
    return _plan_requested(layers, requested, generator)


def _plan_requested(
    layers: dict[str, Modulated], requested: dict[str, int], generator: torch.Generator | None
) -> RankPlan:
    plans: dict[str, LayerPlan] = {}
    for name, layer in layers.items():
        trained = trained_rank(layer.layout, layer.settings, requested[name])
        if trained == layer.rank:
            continue
        if layer.settings.subspace == "random" and generator is None:
            raise ConfigError("generator=None must be a torch.Generator for subspace='random'")
        if not _is_finite(layer.matrix()):
            raise ConfigError(f"layer {_shown(name)} has weights that are not finite; its rank cannot change")
        plans[name] = plan_change(layer, trained, generator)
    return RankPlan(layers, requested, plans)


def apply_rank(plan: RankPlan) -> list[LayerChange]:
    """Carry out a plan; return the layers whose parameters changed."""
    for name, layer in plan.layers.items():
        layer.requested = plan.requested[name]
    return [apply_change(plan.layers[name], change, name) for name, change in plan.plans.items()]


def merge(module: nn.Module) -> None:
    """Make every modulated layer an ordinary one again, in place, with the same weight."""
    for layer in modulated_layers(module).values():
        if not layer.dense:
            layer.set_dense(layer.dense_matrix(), layer.trainable)
        layer.plain()


def modulated_layers(module: nn.Module) -> dict[str, Modulated]:
    """Return the modulated layers of `module` by name; an error if there are none."""
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, Modulated)}
    if not layers:
        raise ConfigError(f"{type(module).__name__} has no modulated layer; call modulate first")
    return layers


def layer_ranks(module: nn.Module) -> dict[str, tuple[int, int]]:
    """Return (asked for, trained) rank of every modulated layer by name."""
    return {
        name: (layer.requested, layer.rank)
        for name, layer in module.named_modules()
        if isinstance(layer, Modulated)
    }


def mean_fraction(module: nn.Module) -> float:
    """Return the mean of the rank asked for / maximum over the layers, weighted by their weights."""
    layers = modulated_layers(module).values()
    weights = [layer.layout.groups * layer.layout.rows * layer.layout.columns for layer in layers]
    fractions = [layer.requested / layer.layout.max_rank for layer in layers]
    return sum(w * f for w, f in zip(weights, fractions, strict=True)) / sum(weights)


def update_scales(module: nn.Module) -> dict[str, float]:
    """Return the factor on the learning rate of every factored layer by name, set when its rank changed."""
    return {
        name: layer.update_scale
        for name, layer in module.named_modules()
        if isinstance(layer, Modulated) and not layer.dense
    }


def allocate_ranks(module: nn.Module, ranks: dict[str, tuple[int, int]], scales: dict[str, float]) -> None:
    """Give every modulated layer zeros of the shapes of its rank, to load a state into.

    `ranks` and `scales` are those of `layer_ranks` and `update_scales`.
    """
    layers = modulated_layers(module)
    if layers.keys() != ranks.keys():
        wrong = sorted(layers.keys() ^ ranks.keys())
        raise ConfigError(
            f"ranks must be given for the modulated layers and no others, differ in: {wrong[:5]}"
        )
    for name, layer in layers.items():
        for value in ranks[name]:
            if not 1 <= value <= layer.layout.max_rank:
                raise ConfigError(
                    f"layer {_shown(name)}: rank={value} must lie in 1..{layer.layout.max_rank}"
                )
    factored = {name for name, layer in layers.items() if ranks[name][1] < layer.layout.max_rank}
    if factored != scales.keys():
        wrong = sorted(factored ^ scales.keys())
        raise ConfigError(
            f"scales must be given for the factored layers and no others, differ in: {wrong[:5]}"
        )
    for name, layer in layers.items():
        layer.requested, rank = ranks[name]
        trainable = layer.trainable
        base = torch.zeros_like(layer.dense_matrix())
        if rank == layer.layout.max_rank:
            layer.set_dense(base, trainable)
            continue
        groups, rows = layer.layout.groups, layer.layout.rows
        right = base.new_zeros(groups, rank, layer.layout.columns)
        left = base.new_zeros(groups, rows, rank)
        factors = (left,) if layer.settings.form == "left" else (left, base.new_zeros(groups, rank))
        layer.set_factors(base, right, factors, trainable)
        layer.update_scale = scales[name]


def has_modulated_layers(module: nn.Module) -> bool:
    """Return whether `modulate` has been applied to `module` or to a part of it."""
    return any(isinstance(layer, Modulated) for layer in module.modules())


def trained_rank(layout: Layout, settings: Settings, requested: int) -> int:
    """Return the rank that really trains when `requested` is asked for."""
    if requested >= layout.max_rank or settings.policy == "exact":
        return min(requested, layout.max_rank)
    return fast_rank(layout, settings.form, requested)


@dataclass(frozen=True)
class LayerRank:
    """One layer's line in a report."""

    name: str
    max_rank: int
    requested: int
    effective: int  # the rank that trains; more than requested where the policy `fast` rounds up
    trainable: int  # parameters, without the bias
    weights: int  # of the dense weight


@dataclass(frozen=True)
class RankReport:
    """What a modulated module trains."""

    layers: tuple[LayerRank, ...]
    trainable_parameters: int  # of the whole module
    parameters: int  # of the merged module

    @property
    def effective_fraction(self) -> float:
        """Mean of effective / max over the layers, weighted by their weights."""
        total = sum(layer.weights for layer in self.layers)
        return sum(layer.effective / layer.max_rank * layer.weights for layer in self.layers) / total


def rank_report(module: nn.Module) -> RankReport:
    """Say what trains at which rank; for a module without modulated layers, the counts alone."""
    lines, merged = [], sum(p.numel() for p in module.parameters())
    for name, layer in module.named_modules():
        if not isinstance(layer, Modulated):
            continue
        weights = layer.layout.groups * layer.layout.rows * layer.layout.columns
        trained = sum(factor.numel() for factor in layer.factors().values())
        merged += weights - trained
        lines.append(LayerRank(name, layer.layout.max_rank, layer.requested, layer.rank, trained, weights))
    trainable = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return RankReport(tuple(lines), trainable, merged)


def is_fraction(value: object) -> bool:
    """Return whether `value` is a number in (0, 1], and neither text nor a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value <= 1.0


def _requested(layouts: dict[str, Layout], fraction: float | None, rank: int | None) -> dict[str, int]:
    """Return the rank asked for in every layer."""
    if (fraction is None) == (rank is None):
        raise ConfigError(f"exactly one of fraction={fraction} and rank={rank} must be given")
    if fraction is not None:
        if not is_fraction(fraction):
            raise ConfigError(f"fraction={fraction!r} must lie in (0, 1]")
        return {name: max(1, round(fraction * layout.max_rank)) for name, layout in layouts.items()}
    assert rank is not None
    if isinstance(rank, bool) or not isinstance(rank, int):
        raise ConfigError(f"rank={rank!r} must be an integer")
    widest = max(layouts, key=lambda name: layouts[name].max_rank)
    largest = layouts[widest].max_rank
    if not 1 <= rank <= largest:
        raise ConfigError(f"rank={rank} must lie in 1..{largest}, the maximum of layer {_shown(widest)}")
    return {name: min(rank, layout.max_rank) for name, layout in layouts.items()}


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name}={value!r} must be one of: {', '.join(allowed)}")


def _check_weights(module: nn.Module, chosen: dict[str, nn.Module]) -> None:
    owners: dict[int, list[str]] = {}
    for name, layer in module.named_modules():
        for key, parameter in layer.named_parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(f"{name}.{key}")
    for name, layer in chosen.items():
        weight = layer._parameters.get("weight")
        if weight is None:
            raise ConfigError(
                f"layer {_shown(name)} computes its weight from other parameters (weight_norm?); remove that"
            )
        if len(owners[id(weight)]) > 1:
            raise ConfigError(
                f"layer {_shown(name)} shares its weight: {', '.join(owners[id(weight)])}; untie it"
            )
        if weight.dtype not in (torch.float32, torch.float64):
            raise ConfigError(f"layer {_shown(name)} has dtype={weight.dtype}; allowed: float32, float64")
        if not _is_finite(weight):
            raise ConfigError(f"layer {_shown(name)} has weights that are not finite")


def _is_finite(weight: Tensor) -> bool:
    return bool(torch.isfinite(torch.linalg.vector_norm(weight.detach(), torch.inf)))


def _check_bfloat16(chosen: dict[str, nn.Module]) -> None:
    for name, layer in chosen.items():
        weight = layer.get_parameter("weight")
        if weight.dtype != torch.float32:
            raise ConfigError(f"layer {_shown(name)} has dtype={weight.dtype}; bfloat16=True allows: float32")
        if not bfloat16_is_fast(weight.device):
            raise ConfigError(f"bfloat16=True: {weight.device} has no bfloat16 arithmetic; allowed: false")


def bfloat16_is_fast(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 in hardware (AVX512_BF16 or AMX on a CPU)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _shown(name: str) -> str:
    return name if name else "(the module itself)"
