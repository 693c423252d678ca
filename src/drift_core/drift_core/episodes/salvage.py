"""What can still be read of an episode that was broken off or damaged: its description, and whole batches."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from drift_core.episodes.description import META_KEY, parse_meta, read_meta
from drift_core.episodes.files import STEPS, table_columns, table_file
from drift_core.episodes.images import decode
from drift_core.episodes.record import EpisodeMeta
from drift_core.episodes.tables import check_columns, read_table
from drift_core.errors import DataError
from drift_core.observation.spec import CameraSpec

_MAGIC = b"ARROW1\0\0"  # at the begin of a file; then follows what a stream has, too


@dataclass(frozen=True)
class Salvaged:
    """The rows of a table that are whole."""

    rows: pa.Table
    cut: bool = False  # the file ends within a batch, or before its end was written
    damage: str = ""  # what else could not be read, in words; empty: nothing


def salvage_meta(folder: Path) -> EpisodeMeta:
    """Read the description, or where that is lost the one that the file of control steps began with."""
    try:
        return read_meta(folder)
    except DataError as error:
        path = folder / table_file(STEPS)
        try:
            text = (_stream(path).schema.metadata or {}).get(META_KEY.encode())
        except (OSError, pa.ArrowException):
            text = None
        if text is None:
            raise error
        return parse_meta(json.loads(text), f"{path}: {META_KEY}")


def salvage_table(folder: Path, table: str, schema: int) -> Salvaged:
    """Read the batches of a table that are whole; DataError where the file is not one of this table."""
    path, columns = folder / table_file(table, schema), table_columns(table)
    if schema == 1:  # Parquet has its directory at the end
        return Salvaged(read_table(path, columns))
    try:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowException):
        return _salvage_stream(path, columns)
    check_columns(path, file.schema, columns)
    whole, broken = [], 0
    for number in range(file.num_record_batches):
        try:
            whole.append(_checked(file.get_batch(number)))
        except (OSError, pa.ArrowException):
            broken += 1
    damage = f"{path.name}: {broken} of {file.num_record_batches} batches cannot be read" if broken else ""
    return Salvaged(pa.Table.from_batches(whole, columns), damage=damage)


def without_broken_images(rows: pa.Table, camera: CameraSpec) -> tuple[pa.Table, int]:
    """Return the frames that can be decoded to the size of `camera`, and how many cannot."""
    good = np.ones(len(rows), dtype=bool)
    for number in range(len(rows)):
        data = rows["image"][number].as_buffer()
        try:
            image = decode(memoryview(data or b""), rows["encoding"][number].as_py())
        except DataError:
            good[number] = False
        else:
            good[number] = image.shape == (camera.height, camera.width, 3)
    return rows.filter(pa.array(good)), int((~good).sum())


def _salvage_stream(path: Path, columns: pa.Schema) -> Salvaged:
    try:
        stream = _stream(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: nothing of it can be read: {error}") from error
    check_columns(path, stream.schema, columns)
    return Salvaged(pa.Table.from_batches(_whole_batches(stream), columns), cut=True)


def _whole_batches(stream: pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            yield _checked(stream.read_next_batch())
        except (StopIteration, OSError, pa.ArrowException):
            return


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)
    return batch


def _stream(path: Path) -> pa.RecordBatchStreamReader:
    """Read the batches of a file from its begin, with no need of its end."""
    data = pa.memory_map(str(path)).read_buffer()
    if data.slice(0, len(_MAGIC)).to_pybytes() != _MAGIC:
        raise OSError(f"it does not begin like an Arrow file ({data.size} bytes)")
    return pa.ipc.open_stream(data.slice(len(_MAGIC)))
