"""What differs between two versions: the tensors of one that are not those of its base, and three digests.

The base is always the last whole checkpoint, so that no delta rests on another. W0 and V of a factored layer
never change in a delta: another rank or new directions need a whole checkpoint.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from drift_core.errors import CheckpointError
from drift_core.pieces import Sha256
from drift_core.policy.weights import Weights, digest_of, refuse_faults, tensor_faults


class DigestMismatchError(CheckpointError):
    """The tensors are not those of which the digest was taken."""


class BaseError(CheckpointError):
    """The whole checkpoint on which a delta rests is not there; `base_version` says which it is."""

    def __init__(self, message: str, base_version: int) -> None:
        super().__init__(message)
        self.base_version = base_version


class WrongBaseError(BaseError):
    """The delta rests on another whole checkpoint than this one."""


class MissingBaseError(BaseError):
    """The whole checkpoint on which the delta rests cannot be read."""


@dataclass(frozen=True, config=STRICT)
class DeltaDigests:
    """Which base a delta rests on, and the SHA-256 of the tensors of base, delta and result."""

    base_version: Annotated[int, Field(ge=1)]
    base: Sha256
    delta: Sha256
    result: Sha256


def changed_tensors(base: Weights, result: Weights) -> dict[str, Tensor] | None:
    """Return the tensors of `result` that are not those of `base`; None if that is no delta of `base`."""
    if _shapes(base.tensors) != _shapes(result.tensors):
        return None
    changed = {name for name in base.tensors if base.digests[name] != result.digests[name]}
    if changed & base.frozen:
        return None
    return {name: result.tensors[name] for name in sorted(changed)}


def delta_digests(base_version: int, base: Weights, changed: Mapping[str, Tensor]) -> DeltaDigests:
    """Return the digests of the delta that puts the tensors `changed` in the place of those of `base`."""
    part = Weights(dict(changed))
    result = digest_of(base.digests | part.digests)
    return DeltaDigests(base_version, base.digest, part.digest, result)


def apply_delta(
    base: Weights, changed: Mapping[str, Tensor], digests: DeltaDigests, source: str = "delta"
) -> Weights:
    """Return `base` with the tensors `changed`; `base` stays as it is.

    WrongBaseError and DigestMismatchError by name; CheckpointError for tensors that are unknown, frozen,
    mis-shaped or not finite.
    """
    if base.digest != digests.base:
        raise WrongBaseError(
            f"{source}: rests on version {digests.base_version} with the digest {digests.base}, "
            f"got a base with {base.digest}",
            digests.base_version,
        )
    frozen = [key for key in changed if key in base.frozen]
    faults = [f"{key!r} must not change without a whole checkpoint" for key in frozen]
    refuse_faults(source, faults + tensor_faults(changed, base.tensors, optional=base.tensors))
    part = Weights(dict(changed))
    if part.digest != digests.delta:
        raise DigestMismatchError(f"{source}: digest of the delta={part.digest} must be {digests.delta}")
    result = Weights(base.tensors | dict(changed), base.digests | part.digests)
    if result.digest != digests.result:
        raise DigestMismatchError(f"{source}: digest of the result={result.digest} must be {digests.result}")
    return result


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
