"""What a trainer needs to go on after its process has ended: tensors and JSON in one safetensors file,
beside the checkpoint.

Other than a checkpoint it holds the weights as they are trained (factors, not merged), the averages, Adam's
moments and the random state. Never pickle; written beside and renamed into place.
"""

import hashlib
import json
import os
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from drift_core.disk import flush_to_disk
from drift_core.errors import CheckpointError
from drift_core.objectives import DENOISING, AnyObjectiveConfig
from drift_core.policy.weights import refuse_faults, tensor_faults
from drift_core.rank.change import SCALE_MAX
from drift_core.rank.schedule import Fraction, ScheduleConfig
from drift_core.training.config import RankConfig, Share, TrainConfig

FORMAT = 2
_NEVER_NEGATIVE = (".step", ".exp_avg_sq")  # of Adam
Count = Annotated[int, Field(ge=0)]
Scale = Annotated[float, Field(ge=1.0, le=SCALE_MAX)]


@dataclass(frozen=True, config=STRICT)
class TrainerInfo:
    """The part of a trainer's state that is not tensors."""

    format: int
    architecture: Any  # PolicyConfig as plain data
    train: TrainConfig
    schedule: ScheduleConfig | None  # None: no modulation, or a schedule of one's own
    modulation: RankConfig | None
    rank: Fraction  # asked for, as a fraction
    ranks: dict[str, tuple[int, int]]  # by layer: asked for, trained
    scales: dict[str, Scale]  # by factored layer: on the learning rate
    averages: dict[str, tuple[Share, Share, Count]]  # by weight, see ema.py: D, pending, age
    step: Count
    round_step: Count
    frozen: tuple[str, ...]  # parameters that freeze_encoder, or the objective, froze
    objective: AnyObjectiveConfig | None = DENOISING  # None: one of one's own
    round: Any = None  # what the round keeps beside, as plain data


@plain_dataclass(frozen=True, eq=False)
class TrainerState:
    """All of it: `policy.*`, `ema.*`, `adam.*`, `generator` and the rest."""

    tensors: dict[str, Tensor]
    info: dict[str, Any]  # TrainerInfo as plain data


def save_trainer_state(path: Path, state: TrainerState) -> None:
    """Write `state` so that after a crash there is either the old file or the new one, whole.

    OSError when it cannot be written; the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        info = json.dumps(state.info)
        metadata = {"drift_trainer": info, "sha256": _digest(state.tensors, info)}
        try:
            save_file(state.tensors, temporary, metadata=metadata)
        except SafetensorError as error:  # also where the disk is full
            raise OSError(f"{path}: cannot be written: {error}") from error
        flush_to_disk(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_trainer_state(path: Path) -> TrainerState:
    """Read a file of `save_trainer_state`, or raise CheckpointError."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if "drift_trainer" not in metadata:
                raise CheckpointError(f"{path}: must have a key 'drift_trainer', got {sorted(metadata)}")
            state = TrainerState({key: file.get_tensor(key) for key in file.keys()}, _json(path, metadata))
            found, expected = _digest(state.tensors, metadata["drift_trainer"]), metadata.get("sha256")
            if state.info.get("format") == FORMAT and found != expected:
                raise CheckpointError(f"{path}: damaged: SHA-256 must be {expected}, got {found}")
            return state
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file: {error}") from error


def parse_info(info: dict[str, Any], source: str = "trainer state") -> TrainerInfo:
    """Validate the plain data of a TrainerState."""
    if info.get("format") != FORMAT:
        raise CheckpointError(f"{source}: format={info.get('format')!r} must be {FORMAT}")
    try:
        return parse(info, TrainerInfo, source)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def check_architecture(found: Any, expected: Any, source: str = "trainer state") -> None:
    """Raise an error that names `source` and the entries in which two plain PolicyConfigs differ."""
    faults = [
        f"{key}={ours!r} expected, got {theirs!r}" for key, ours, theirs in _differences(expected, found, "")
    ]
    if faults:
        raise CheckpointError(f"{source} of another architecture: {'; '.join(faults[:5])}")


def check_tensors(tensors: dict[str, Tensor], expected: dict[str, Tensor], optional: set[str]) -> None:
    """Raise an error that names keys which are missing, unknown, of a wrong shape or type, or not finite."""
    refuse_faults("trainer state", tensor_faults(tensors, expected, optional))
    adam = [key for key in tensors if key.startswith("adam.") and key.endswith(_NEVER_NEGATIVE)]
    negative = [key for key in adam if bool((tensors[key] < 0.0).any())]
    faults = [f"{key!r} must be at least 0, got {float(tensors[key].min())}" for key in negative]
    refuse_faults("trainer state", faults)


def _digest(tensors: dict[str, Tensor], info: str) -> str:
    """Return the SHA-256 of the tensors, with their names, types and shapes, and of the JSON."""
    digest = hashlib.sha256(info.encode())
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _json(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    try:
        info = json.loads(metadata["drift_trainer"])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(info, dict):
        raise CheckpointError(f"{path}: 'drift_trainer' must be a JSON object, got {info!r}")
    return info


def _differences(ours: Any, theirs: Any, name: str) -> list[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted(ours.keys() | theirs.keys()):
            found += _differences(ours.get(key), theirs.get(key), f"{name}.{key}" if name else key)
        return found
    return [] if ours == theirs else [(name, ours, theirs)]
