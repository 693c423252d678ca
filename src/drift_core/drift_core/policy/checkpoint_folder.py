"""What a folder of checkpoints says of itself: names, versions, LATEST, and what each file's header tells.

Loads no torch, so that whoever only lists versions starts quickly; the weights are read by `checkpoint.py`.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any, TypeVar

from drift_config.errors import DriftError
from drift_config.loader import parse, to_plain
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.disk import flush_to_disk
from drift_core.errors import CheckpointError
from drift_core.pieces import Sha256
from drift_core.policy.pieces import CHECKPOINT_NAME

T = TypeVar("T")

FORMAT = 1  # raised when a reader of the last format would misread a file
LATEST = "LATEST"
_PIECE_BYTES = 1 << 18
_HEADER_BYTES = 100_000_000  # the most that safetensors allows


@dataclass(frozen=True, config=STRICT)
class CheckpointInfo:
    """What is known about a set of weights."""

    task: str
    robot: str
    version: Annotated[int, Field(ge=1)]  # counts up within a folder
    parent: Annotated[int, Field(ge=0)]  # version it was trained from, 0 for none
    rank: Annotated[float, Field(gt=0, le=1)]  # trained rank as a fraction of the maximum
    # the same after rounding layers above break-even up to full
    effective_rank: Annotated[float, Field(gt=0, le=1)]
    step: Annotated[int, Field(ge=0)]  # gradient steps in all
    loss: float | None  # held-out denoising loss, None if there was nothing to evaluate on
    reason: str  # "offline", "online round 2", ...
    created_s: Annotated[float, Field(ge=0)]  # system time of writing [s since 1970]


@dataclass(frozen=True, config=STRICT)
class LatestCheckpoint:
    """The content of LATEST."""

    file: Annotated[str, Field(pattern=CHECKPOINT_NAME.pattern)]  # in the same folder
    sha256: Sha256
    version: Annotated[int, Field(ge=1)]


def checkpoint_path(folder: Path, version: int) -> Path:
    """Return where version `version` stands: policy_000012.safetensors."""
    return folder / f"policy_{version:06d}.safetensors"


def delta_path(folder: Path, version: int) -> Path:
    """Return where version `version` stands if it is a delta: delta_000013.safetensors."""
    return folder / f"delta_{version:06d}.safetensors"


def checkpoints(folder: Path) -> dict[Path, int]:
    """Return the versions of the checkpoints in `folder` by their paths."""
    if not folder.is_dir():
        return {}
    return {
        path: int(match[1]) for path in folder.iterdir() if (match := CHECKPOINT_NAME.fullmatch(path.name))
    }


def next_version(folder: Path) -> int:
    """Return one more than the highest version in `folder`; 1 for an empty or missing folder."""
    return max(checkpoints(folder).values(), default=0) + 1


def read_latest(folder: Path) -> LatestCheckpoint | None:
    """Return what LATEST in `folder` says, None if there is no such file."""
    return read_json(folder / LATEST, LatestCheckpoint)


def write_latest(path: Path, sha256: str, version: int) -> None:
    """Let LATEST in the folder of the checkpoint `path` name it, atomically."""
    content = to_plain(LatestCheckpoint(path.name, sha256, version))
    write_atomically(path.with_name(LATEST), json.dumps(content).encode())


def read_info(path: Path) -> CheckpointInfo:
    """Read what a checkpoint says about its weights, but not these; a faulty file gives a CheckpointError."""
    content = read_header(path)
    return parse_checkpoint(path, content.get("info"), CheckpointInfo)


def read_header(path: Path) -> dict[str, Any]:
    """Return what we wrote into the header of the file `path`; CheckpointError where that is not ours."""
    try:
        with path.open("rb") as file:
            length = file.read(8)
            data = length + file.read(min(int.from_bytes(length, "little"), _HEADER_BYTES))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    return header_in(path, data)


def header_in(path: Path, data: bytes) -> dict[str, Any]:
    """Return our JSON out of the safetensors header: 8 bytes length, then JSON with "__metadata__"."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise CheckpointError(f"{path}: not a whole safetensors file: {len(data)} bytes, header of {length}")
    try:
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]["drift"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: must have a key 'drift' in its safetensors metadata") from error
    content = _loads(path, metadata)
    # Before the rest is validated: another format may have other keys.
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else content
        raise CheckpointError(f"{path}: format={found!r} must be {FORMAT}")
    return content


def read_json(path: Path, kind: type[T]) -> T | None:
    """Return the JSON in the file `path` as a `kind`, None if there is no such file; CheckpointError where
    it cannot be read or is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_checkpoint(path, _loads(path, content), kind)


def _loads(path: Path, text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not valid JSON: {error}") from error


def parse_checkpoint(path: Path, content: Any, kind: type[T]) -> T:
    """Return `content` of the file `path` as a `kind`; CheckpointError where it is none."""
    try:
        return parse(content, kind, source=str(path))
    except DriftError as error:
        raise CheckpointError(str(error)) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write `path` so that after a crash it is either the old or the new file, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            for first in range(0, len(data), _PIECE_BYTES):  # see _read
                file.write(data[first : first + _PIECE_BYTES])
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_to_disk(path.parent)
