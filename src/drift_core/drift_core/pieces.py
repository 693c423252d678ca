"""Files in pieces of at most 1 MiB, as one machine reads what another wrote. Loads no torch."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from drift_config.errors import DriftError
from pydantic import Field

PIECE_MAX_BYTES = 1 << 20
SHA256 = re.compile(r"^[0-9a-f]{64}$")
Sha256 = Annotated[str, Field(pattern=SHA256.pattern)]
_AT_ONCE_BYTES = 1 << 18  # see policy/checkpoint.py


class NotThereError(DriftError):
    """There is nothing of that name, or no longer."""


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file, and what file that is."""

    data: bytes
    sha256: str  # of `data`, lower-case hex
    file_bytes: int
    file_sha256: str


def piece_of_file(path: Path, offset: int, length: int) -> Piece:
    """Return up to `length` bytes of a file; fewer only at its end, none for 0.

    ValueError for an offset or a length that is not allowed; OSError. The digest of the file is computed once
    per file.
    """
    _check_length(length)
    with path.open("rb") as file:
        found = path.stat()
        _check_offset(offset, found.st_size, path.name)
        file.seek(offset)
        data = file.read(length)
        digest = _digest_once(path, found.st_mtime_ns, found.st_size)
    return Piece(data, hashlib.sha256(data).hexdigest(), found.st_size, digest)


def piece_of_bytes(content: bytes, name: str, offset: int, length: int) -> Piece:
    """Return up to `length` bytes of what lies in memory; ValueError as for a file."""
    _check_length(length)
    _check_offset(offset, len(content), name)
    data = content[offset : offset + length]
    return Piece(data, hashlib.sha256(data).hexdigest(), len(content), hashlib.sha256(content).hexdigest())


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, lower-case hex."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(_AT_ONCE_BYTES):
            sha256.update(some)
    return sha256.hexdigest()


def _check_length(length: int) -> None:
    if not 0 <= length <= PIECE_MAX_BYTES:
        raise ValueError(f"length={length} must lie in 0..{PIECE_MAX_BYTES}")


def _check_offset(offset: int, size: int, name: str) -> None:
    if not 0 <= offset <= size:
        raise ValueError(f"offset={offset} must lie in 0..{size}, the size of {name}")


@lru_cache(maxsize=64)  # what is handed out is written beside and renamed: another content has another time
def _digest_once(path: Path, mtime_ns: int, size: int) -> str:
    return file_digest(path)
