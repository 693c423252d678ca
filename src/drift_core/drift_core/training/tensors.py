"""The tensors of a trainer's state: `policy.*`, `ema.*`, `adam.*` and `generator`, collected and put back."""

import torch
from torch import Tensor, nn

from drift_core.errors import CheckpointError
from drift_core.training.ema import MergedEma
from drift_core.training.optimizer import load_optimizer_tensors, moment_shapes, optimizer_tensors
from drift_core.training.state import check_tensors


def state_tensors(
    policy: nn.Module, ema: MergedEma, optimizer: torch.optim.AdamW, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return copies of all tensors that a trainer needs to go on."""
    tensors = {f"policy.{key}": value for key, value in policy.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in ema.state()[0].items()}
    tensors |= {f"adam.{key}": value for key, value in optimizer_tensors(optimizer, policy).items()}
    tensors["generator"] = generator.get_state()
    return {key: value.detach().clone() for key, value in tensors.items()}


def load_tensors(
    tensors: dict[str, Tensor],
    averages: dict[str, tuple[float, float, int]],
    policy: nn.Module,
    ema: MergedEma,
    optimizer: torch.optim.AdamW,
    generator: torch.Generator,
) -> None:
    """Fill `policy`, `ema` and `optimizer`, which must be made for the ranks of the state.

    `averages` are the numbers of `MergedEma.state`. Raises CheckpointError, naming the keys, before anything
    is filled; `generator` is looked at only.
    """
    factored = ema.state()[1].keys()
    if averages.keys() != factored:
        raise CheckpointError(f"trainer state: averages must name {sorted(factored)}, got {sorted(averages)}")
    expected_averages, unneeded = ema.expected(averages)
    moments = {f"adam.{key}": value for key, value in moment_shapes(policy).items()}
    # A parameter that is new since the last change of rank has no moments at all.
    begun = {key.rpartition(".")[0] for key in tensors if key.startswith("adam.")}
    optional = {key for key in moments if key.rpartition(".")[0] not in begun}
    optional |= {f"ema.{key}" for key in unneeded}
    expected = {f"policy.{key}": value for key, value in policy.state_dict().items()}
    expected |= {f"ema.{key}": value for key, value in expected_averages.items()} | moments
    expected["generator"] = generator.get_state()
    check_tensors(tensors, expected, optional)
    try:
        torch.Generator(generator.device).set_state(tensors["generator"])
    except RuntimeError as error:
        raise CheckpointError(f"trainer state: 'generator' is no random state: {error}") from error
    policy.load_state_dict(_below("policy.", tensors))
    ema.load_state(_below("ema.", tensors), averages)
    load_optimizer_tensors(optimizer, policy, _below("adam.", tensors))


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
