"""Read a table of an episode, of either schema, as NumPy columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drift_core.episodes.files import FRAME_COLUMNS
from drift_core.errors import DataError

_PNG_COLUMNS = pa.schema([*list(FRAME_COLUMNS)[:2], ("png", pa.binary())])  # of frames in schema 1


def read_table(path: Path, columns: pa.Schema) -> pa.Table:
    """Return the rows of a file; an Arrow file is mapped into memory, not read.

    DataError names the file, and the column where its name or type is another.
    """
    parquet = path.suffix == ".parquet"
    old = parquet and columns is FRAME_COLUMNS
    try:
        if parquet:
            table = pq.read_table(path, partitioning=None)
        else:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        table.validate(full=True)  # offsets into what is mapped are the file's word only
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    check_columns(path, table.schema, _PNG_COLUMNS if old else columns)
    if old:
        encoding = pa.array(["png"] * len(table), pa.string())
        table = table.rename_columns(["stamp_s", "arrival_s", "image"]).add_column(2, "encoding", encoding)
    return table


def check_columns(path: Path, found: pa.Schema, wanted: pa.Schema) -> None:
    """Refuse columns of other names or types."""
    if found.names != wanted.names:
        raise DataError(f"{path}: columns={found.names} must be {wanted.names}")
    for field, other in zip(found, wanted, strict=True):
        if field.type != other.type:
            raise DataError(f"{path}: column {field.name} is of type {field.type}, must be {other.type}")


def column(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """Return a column as (N,), or (N, width) for vectors, with NaN rows where there was no vector."""
    values = table[name].combine_chunks()
    if not pa.types.is_list(values.type):
        if values.null_count:
            raise DataError(f"{path}: column {name} lacks {values.null_count} of {len(values)} values")
        return values.to_numpy(zero_copy_only=False)
    lengths = values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    present = lengths == width
    if not (present | (lengths == 0)).all():
        widths = sorted(set(lengths.tolist()) - {0})
        raise DataError(f"{path}: column {name}: vectors must all have {width} numbers, got {widths}")
    rows = np.full((len(lengths), width), np.nan)
    if width:
        rows[present] = values.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return rows


class Matrices(Sequence[np.ndarray]):
    """A column of matrices, made when asked for; (0, 0) where there is none."""

    def __init__(self, values: pa.ChunkedArray, name: str, path: Path) -> None:
        self._values, self._name, self._path = values, name, path

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> "Matrices": ...
    def __getitem__(self, index: int | slice) -> "np.ndarray | Matrices":
        if isinstance(index, slice):
            return Matrices(self._values[index], self._name, self._path)
        rows = self._values[index].as_py() or []
        if len(widths := {len(row or ()) for row in rows}) > 1:
            said = f"row {index} is no matrix, its rows have {sorted(widths)} numbers"
            raise DataError(f"{self._path}: column {self._name}: {said}")
        return np.array(rows, dtype=float) if rows else np.empty((0, 0))


class Bytes(Sequence[memoryview]):
    """A column of bytes, of which nothing is copied; a null is empty."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> memoryview: ...
    @overload
    def __getitem__(self, index: slice) -> "Bytes": ...
    def __getitem__(self, index: int | slice) -> "memoryview | Bytes":
        if isinstance(index, slice):
            return Bytes(self._values[index])
        return memoryview(self._values[index].as_buffer() or b"").toreadonly()
