"""Freezing the encoder for a round, and giving back afterwards exactly what that had frozen.

What somebody else froze (an adapter, a baseline that trains norms only) stays frozen.
"""

from collections.abc import Collection

from torch import nn

from drift_core.policy.policy import DiffusionPolicy


def freeze_encoder(policy: DiffusionPolicy) -> tuple[str, ...]:
    """Freeze what trains of the encoder; return the names."""
    names = tuple(name for name in encoder_parameters(policy) if policy.get_parameter(name).requires_grad)
    set_trainable(policy, names, False)
    return names


def set_trainable(module: nn.Module, names: Collection[str], trainable: bool) -> None:
    """Set whether the parameters called `names` train, and leave all others alone."""
    for name, parameter in module.named_parameters():
        if name in names:
            parameter.requires_grad_(trainable)


def encoder_parameters(policy: DiffusionPolicy) -> list[str]:
    """Return the names of the parameters of the encoder; none for a policy without one."""
    if policy.encoder is None:
        return []
    return [f"encoder.{name}" for name, _ in policy.encoder.named_parameters()]
