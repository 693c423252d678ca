"""Fused AdamW whose parameters may change while it runs, and the learning rate as a function of the step."""

import math

import torch
from torch import Tensor, nn

from drift_core.rank import LayerChange, Modulated
from drift_core.training.config import TrainConfig

_BETAS = (0.9, 0.999)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the rate at `step` (0, 1, ...) of a round: linear warm-up, then half a cosine down to lr_end."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / (config.warmup_steps + 1)
    progress = min((step - config.warmup_steps) / (config.steps - config.warmup_steps), 1.0)
    return config.lr_end + (config.lr - config.lr_end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def make_optimizer(module: nn.Module, weight_decay: float, matched: bool) -> torch.optim.AdamW:
    """Return fused AdamW over the trainable parameters; its groups have a `scale` on the learning rate.

    Weight decay acts on weight matrices only: neither on biases and norms, nor on the factors of a modulated
    layer, where it would pull towards the weights at the last change of rank instead of towards 0. `matched`
    raises the rate of factors by their layer's `update_scale`.
    """
    scales: dict[int, float] = {}
    for layer in module.modules():
        if isinstance(layer, Modulated) and not layer.dense:
            # Two digits, so that layers of a kind share a group.
            scale = float(f"{layer.update_scale:.2g}") if matched else 1.0
            scales |= {id(factor): scale for factor in layer.factors().values()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    # By name: the order in which a layer registered its parameters depends on its past, and sums on the
    # order.
    for _, parameter in sorted(module.named_parameters()):
        if parameter.requires_grad:
            decay = weight_decay if parameter.ndim >= 2 and id(parameter) not in scales else 0.0
            groups.setdefault((decay, scales.get(id(parameter), 1.0)), []).append(parameter)
    described = [
        {"params": parameters, "weight_decay": decay, "scale": scale}
        for (decay, scale), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    return torch.optim.AdamW(described, lr=0.0, betas=_BETAS, fused=True)


def follow_change(
    old: torch.optim.AdamW, new: torch.optim.AdamW, changes: list[LayerChange], carry: bool
) -> None:
    """Give `new`, for the parameters that there are now, the moments of `old`.

    Parameters that still exist keep their moments. With `carry` those of a changed layer are taken along
    (rank/moments.py); without, and where there are none yet, they begin anew.
    """
    for group in new.param_groups:
        for parameter in group["params"]:
            if parameter in old.state:
                new.state[parameter] = old.state[parameter]
    if not carry:
        return
    for change in changes:
        states = {name: old.state.get(parameter, {}) for name, parameter in change.old.items()}
        if not all(states.values()):
            continue
        step = next(iter(states.values()))["step"]
        share1, share2 = (1.0 - beta ** max(float(step), 1.0) for beta in _BETAS)  # Adam's bias corrections
        moments = {
            name: (state["exp_avg"] / share1, state["exp_avg_sq"] / share2) for name, state in states.items()
        }
        for name, (first, second) in change.carry(moments).items():
            new.state[change.new[name]] = {
                "step": step.clone(),
                "exp_avg": (share1 * first).contiguous(),
                "exp_avg_sq": (share2 * second).contiguous(),
            }


def optimizer_tensors(optimizer: torch.optim.AdamW, module: nn.Module) -> dict[str, Tensor]:
    """Return Adam's state by parameter name: `<name>.exp_avg`, `.exp_avg_sq`, `.step`."""
    return {
        f"{name}.{key}": value
        for name, parameter in module.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(
    optimizer: torch.optim.AdamW, module: nn.Module, tensors: dict[str, Tensor]
) -> None:
    """Continue from tensors given by `optimizer_tensors`; the keys and shapes must have been checked."""
    for name, parameter in module.named_parameters():
        if f"{name}.step" in tensors:
            optimizer.state[parameter] = {
                key: tensors[f"{name}.{key}"].clone().to(parameter.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }


def moment_shapes(module: nn.Module) -> dict[str, Tensor]:
    """Return tensors of the names, shapes and types that `optimizer_tensors` may have for `module`."""
    shapes = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            shapes[f"{name}.step"] = torch.zeros((), dtype=torch.float32)
            shapes[f"{name}.exp_avg"] = shapes[f"{name}.exp_avg_sq"] = parameter.detach()
    return shapes
