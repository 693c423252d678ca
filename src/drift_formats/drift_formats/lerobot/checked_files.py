"""Read the files of a set; whatever is not as it must be is a DataError that names file and key."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from drift_core.errors import DataError

_LARGEST = 1_000_000_000  # number of anything in a set


def read_parquet(path: Path, columns: list[str] | None = None, rows: pc.Expression | None = None) -> pa.Table:
    """Return the columns that are there of those asked for."""
    try:
        there = pq.read_schema(path).names
        chosen = there if columns is None else [name for name in columns if name in there]
        return pq.read_table(path, columns=chosen, filters=rows, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return a mapping."""
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the mappings of a file with one in each line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_mapping(json.loads(line), path) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _mapping(data: Any, path: Path) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DataError(f"{path}: must hold mappings of keys to values, got {str(data)[:40]!r}")
    return data


def entry_of(data: dict[str, Any], key: str, kind: Any, path: Path) -> Any:
    """Return an entry of a mapping, of the type `kind`."""
    value = data.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise DataError(f"{path}: {key}={value!r} must be there and be a {getattr(kind, '__name__', kind)}")
    return value


def number_of(data: dict[str, Any], key: str, kind: Any, path: Path) -> Any:
    """Return an entry of a mapping that is a number, not below 0."""
    value = entry_of(data, key, kind, path)
    if not 0 <= value <= _LARGEST:
        raise DataError(f"{path}: {key}={value!r} must lie in [0, {_LARGEST}]")
    return value
