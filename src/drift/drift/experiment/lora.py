"""LoRA through `peft` as a baseline: adapters on the layers that rank modulation would take, trained by the
same trainer.

`peft` has no adapter for ConvTranspose1d: those layers stay frozen. So do the biases of adapted layers,
since a bias inside a convolution with a frozen weight makes torch compute the whole weight gradient; norms
train.
"""

import copy
from typing import Literal

from drift_core.policy.policy import DiffusionPolicy
from drift_core.rank.layout import Layout, layout_of
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn


def add_lora(policy: DiffusionPolicy, fraction: float, as_many_as: Literal["usv", "left"] = "usv") -> None:
    """Put adapters on the denoiser that train as many numbers as that form does at `fraction` of the rank."""
    ranks = {
        name: _rank(layout_of(layer), fraction, as_many_as)
        for name, layer in policy.denoiser.named_modules()
        if type(layer) in (nn.Linear, nn.Conv1d)
    }
    config = LoraConfig(target_modules=list(ranks), rank_pattern=ranks, alpha_pattern=ranks, lora_dropout=0.0)
    policy.requires_grad_(False)
    inject_adapter_in_model(config, policy.denoiser)
    for layer in policy.modules():
        if isinstance(layer, nn.GroupNorm | nn.LayerNorm):
            layer.requires_grad_(True)


def _rank(layout: Layout, fraction: float, as_many_as: Literal["usv", "left"]) -> int:
    rank = fraction * layout.max_rank
    if as_many_as == "left":  # r N numbers of dA in r' (N + K) of an adapter
        rank *= layout.rows / (layout.rows + layout.columns)
    return max(1, round(rank))


def without_lora(policy: DiffusionPolicy) -> DiffusionPolicy:
    """Return a plain copy with the adapters merged in."""
    plain = copy.deepcopy(policy)
    for name, layer in list(plain.named_modules()):
        if isinstance(layer, LoraLayer):
            layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(plain.get_submodule(parent), child, layer.get_base_layer())
    return plain
