"""Checkpoints: plain weights and normaliser in safetensors, everything else as JSON in its header.

A whole checkpoint describes itself: the policy is rebuilt from the file alone. A delta holds only the tensors
that differ from those of a whole one beside it, its base (`delta.py`). Both are written beside and renamed
into place, and verified as a whole (hash, header, keys, shapes, types, finite values, digests) before anybody
sees a policy. Never pickle.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Any

import torch
from drift_config.loader import to_plain
from drift_config.strict import STRICT
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.overrides import TorchFunctionMode

from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint_folder import (
    FORMAT,
    CheckpointInfo,
    checkpoint_path,
    header_in,
    parse_checkpoint,
    read_header,
    read_latest,
    write_atomically,
    write_latest,
)
from drift_core.policy.delta import (
    DeltaDigests,
    MissingBaseError,
    apply_delta,
    changed_tensors,
    delta_digests,
)
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.policy.weights import (
    Weights,
    expected_tensors,
    policy_weights,
    refuse_faults,
    tensor_faults,
    weight_layouts,
)

_PIECE_BYTES = 1 << 18


class HashMismatchError(CheckpointError):
    """The file is not the one that was announced."""


@dataclass(frozen=True, config=STRICT)
class _Header:
    format: int
    policy: PolicyConfig
    info: CheckpointInfo


@dataclass(frozen=True, config=STRICT)
class _DeltaHeader:
    format: int
    info: CheckpointInfo
    digests: DeltaDigests


@plain_dataclass(frozen=True)
class Base:
    """A whole checkpoint in memory, on which deltas may rest."""

    version: int
    config: PolicyConfig
    weights: Weights


@plain_dataclass(frozen=True)
class LoadedCheckpoint:
    """A verified checkpoint, its policy in evaluation mode."""

    policy: DiffusionPolicy
    info: CheckpointInfo
    sha256: str  # of the whole file, lower-case hex
    base: Base  # the whole checkpoint that this is, or on which it rests
    weights: Weights  # of this one, as they stand in the file


def save_checkpoint(
    path: Path,
    policy: DiffusionPolicy,
    info: CheckpointInfo,
    latest: bool = True,
    weights: Weights | None = None,
) -> str:
    """Write `policy` (plain, merged) to `path` atomically; return the SHA-256 of the file.

    `weights`: the same with the factors of its layers kept. With `latest`, LATEST beside it then names the
    file.
    """
    weights = weights or policy_weights(policy.state_dict(), {}, policy)
    expected = expected_tensors(weights.tensors, _skeleton(policy.config))
    refuse_faults(f"policy for {path}", tensor_faults(weights.tensors, expected))
    return _save(path, weights.tensors, _Header(FORMAT, policy.config, info), latest)


def save_delta(path: Path, base: Base, weights: Weights, info: CheckpointInfo, latest: bool = True) -> str:
    """Write what `weights` have and `base`, a whole one in the same folder, has not; return the SHA-256 of
    the file.

    CheckpointError where that needs a whole checkpoint (`changed_tensors`).
    """
    changed = changed_tensors(base.weights, weights)
    if changed is None:
        raise CheckpointError(f"{path}: needs a whole checkpoint, its rank or directions are not its base's")
    digests = delta_digests(base.version, base.weights, changed)
    apply_delta(base.weights, changed, digests, f"policy for {path}")  # finite, too
    return _save(path, changed, _DeltaHeader(FORMAT, info, digests), latest)


def _save(path: Path, tensors: dict[str, Tensor], header: _Header | _DeltaHeader, latest: bool) -> str:
    data = save(tensors, metadata={"drift": json.dumps(to_plain(header))})
    write_atomically(path, data)
    sha256 = hashlib.sha256(data).hexdigest()
    if latest:
        write_latest(path, sha256, header.info.version)
    return sha256


def load_checkpoint(path: Path, sha256: str | None = None, bases: Iterable[Base] = ()) -> LoadedCheckpoint:
    """Read and verify a checkpoint, against `sha256` if given; a faulty file gives a CheckpointError.

    `bases` are at hand for a delta; another base is read from beside it.
    """
    path = Path(path)
    try:
        data, found = _read(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    if sha256 is not None and found != sha256.lower():
        raise HashMismatchError(f"{path}: sha256={found} must be {sha256.lower()}")
    header = _header(path, header_in(path, data))
    try:
        tensors = load(data)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file: {error}") from error
    if isinstance(header, _DeltaHeader):
        base = _base(path, header.digests, bases)
        weights = apply_delta(base.weights, tensors, header.digests, str(path))
    else:
        skeleton = _skeleton(header.policy)
        refuse_faults(str(path), tensor_faults(tensors, expected_tensors(tensors, skeleton)))
        weights = Weights(tensors)
        base = Base(header.info.version, header.policy, weights)
    return LoadedCheckpoint(_policy(base.config, weights), header.info, found, base, weights)


def _base(path: Path, digests: DeltaDigests, bases: Iterable[Base]) -> Base:
    """Return the base of the delta `path`, from those at hand or from beside it."""
    for base in bases:
        if base.version == digests.base_version and base.weights.digest == digests.base:
            return base
    beside = checkpoint_path(path.parent, digests.base_version)
    try:
        return load_checkpoint(beside).base
    except CheckpointError as error:
        text = f"{path}: its base cannot be had: {error}"
        raise MissingBaseError(text, digests.base_version) from error


def _policy(config: PolicyConfig, weights: Weights) -> DiffusionPolicy:
    with _WithoutInitialValues():
        policy = DiffusionPolicy(config)
    policy.load_state_dict(weights.merged(weight_layouts(policy)), assign=True)
    return policy.eval()


def base_version(path: Path) -> int | None:
    """Read on which version a checkpoint rests, None for a whole one; CheckpointError for a faulty file."""
    header = _header(path, read_header(path))
    return header.digests.base_version if isinstance(header, _DeltaHeader) else None


def load_latest(folder: Path) -> LoadedCheckpoint:
    """Load the checkpoint that LATEST in `folder` names."""
    latest = read_latest(folder)
    if latest is None:
        raise CheckpointError(f"{folder}: must contain a file LATEST, there is none")
    return load_checkpoint(folder / latest.file, latest.sha256)


def _header(path: Path, content: dict[str, Any]) -> _Header | _DeltaHeader:
    if "digests" in content:
        return parse_checkpoint(path, content, _DeltaHeader)
    return parse_checkpoint(path, content, _Header)


def _read(path: Path) -> tuple[bytes, str]:
    """Return the content of `path` and its SHA-256.

    Piece by piece: one read of 100 MB keeps a core in the kernel for so long that a real-time process waiting
    for that core misses its tick (benchmarks/hot_swap.py).
    """
    pieces, sha256 = [], hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            pieces.append(piece)
            sha256.update(piece)
    return b"".join(pieces), sha256.hexdigest()


def _skeleton(config: PolicyConfig) -> DiffusionPolicy:
    """Return the policy of `config` without memory for its weights."""
    with torch.device("meta"):
        return DiffusionPolicy(config)


class _WithoutInitialValues(TorchFunctionMode):
    """Layers that are made meanwhile keep whatever memory they get: a second of a core for 18 M weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
