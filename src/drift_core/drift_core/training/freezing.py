"""Freezing parts of a policy for a round, and giving back afterwards exactly what that had frozen.

What somebody else froze (an adapter, a baseline that trains norms only) stays frozen.
"""

from collections.abc import Collection

from torch import nn

from drift_core.policy.policy import DiffusionPolicy


def freeze(policy: DiffusionPolicy, trained: nn.Module, encoder: bool) -> tuple[str, ...]:
    """Freeze what trains outside of `trained`, a part of `policy`, and of the encoder; return the names.

    The encoder goes on training unless `encoder` says that it is to be frozen, too.
    """
    names = freezable(policy, trained, encoder)
    names = tuple(name for name in names if policy.get_parameter(name).requires_grad)
    set_trainable(policy, names, False)
    return names


def set_trainable(module: nn.Module, names: Collection[str], trainable: bool) -> None:
    """Set whether the parameters called `names` train, and leave all others alone."""
    for name, parameter in module.named_parameters():
        if name in names:
            parameter.requires_grad_(trainable)


def freezable(policy: DiffusionPolicy, trained: nn.Module, encoder: bool) -> tuple[str, ...]:
    """Return the names of the parameters outside of `trained`, and of the encoder if that is to be frozen."""
    kept = {id(parameter) for parameter in trained.parameters()}
    if encoder and policy.encoder is not None:
        kept -= {id(parameter) for parameter in policy.encoder.parameters()}
    return tuple(name for name, parameter in policy.named_parameters() if id(parameter) not in kept)
