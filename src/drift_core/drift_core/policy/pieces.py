"""A checkpoint file in pieces of at most 1 MiB, as one machine reads what another wrote. Loads no torch."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from drift_core.errors import CheckpointError

PIECE_MAX_BYTES = 1 << 20
CHECKPOINT_NAME = re.compile(r"^(?:policy|delta)_([0-9]{6,})\.safetensors$")
SHA256 = re.compile(r"^[0-9a-f]{64}$")
_AT_ONCE_BYTES = 1 << 18  # see checkpoint.py


class UnknownCheckpointError(CheckpointError):
    """There is no checkpoint of that name."""


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file, and what file that is."""

    data: bytes
    sha256: str  # of `data`, lower-case hex
    file_bytes: int
    file_sha256: str


def is_checkpoint_name(name: str) -> bool:
    """Return whether `name` is that of a checkpoint file in a folder, and no path."""
    return CHECKPOINT_NAME.fullmatch(name) is not None


def read_piece(folder: Path, name: str, offset: int, length: int) -> Piece:
    """Return up to `length` bytes of the checkpoint `name` in `folder`; fewer only at its end, none for 0.

    UnknownCheckpointError where there is no such file; ValueError for a name, an offset or a length that is
    not allowed; OSError. The digest of the file is computed once per file.
    """
    if not is_checkpoint_name(name):
        raise ValueError(f"name={name!r} must be policy_NNNNNN.safetensors or delta_NNNNNN.safetensors")
    if not 0 <= length <= PIECE_MAX_BYTES:
        raise ValueError(f"length={length} must lie in 0..{PIECE_MAX_BYTES}")
    path = folder / name
    try:
        with path.open("rb") as file:
            found = path.stat()
            if not 0 <= offset <= found.st_size:
                raise ValueError(f"offset={offset} must lie in 0..{found.st_size}, the size of {name}")
            file.seek(offset)
            data = file.read(length)
            digest = _digest_once(path, found.st_mtime_ns, found.st_size)
    except FileNotFoundError as error:
        raise UnknownCheckpointError(f"{name}: there is no such checkpoint in {folder}") from error
    return Piece(data, hashlib.sha256(data).hexdigest(), found.st_size, digest)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, lower-case hex."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(_AT_ONCE_BYTES):
            sha256.update(some)
    return sha256.hexdigest()


@lru_cache(maxsize=16)  # checkpoints are written beside and renamed: another content has another time
def _digest_once(path: Path, mtime_ns: int, size: int) -> str:
    return file_digest(path)
