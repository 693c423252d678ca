"""What can still be read of an episode that was broken off or damaged: its description, and whole batches."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from drift_core.episodes.description import META_KEY, parse_meta, read_meta
from drift_core.episodes.files import STEPS, table_columns, table_file
from drift_core.episodes.images import decode
from drift_core.episodes.record import EpisodeMeta
from drift_core.episodes.tables import check_columns, read_table
from drift_core.episodes.writer import BYTES_PER_BATCH
from drift_core.errors import DataError
from drift_core.observation.spec import CameraSpec

_MAGIC = b"ARROW1\0\0"  # at the begin of a file; then follows what a stream has, too
# A message begins so: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format; what is
# said of a batch takes less than 64 KiB. Looked for ahead, for one may begin within another.
_MESSAGE = re.compile(rb"(?=\xff{4}[\x00-\xff]{2}\x00\x00)")
_ALIGNED_BYTES = 8
_ROW_ROOM_BYTES = 64 << 10  # for what a batch has beside its rows


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


def salvage_table(folder: Path, table: str, schema: int, picture_bytes: int = 0) -> Salvaged:
    """Read the batches of a table that are whole; DataError where the file is not one of this table.

    `picture_bytes`: what a picture takes at most. More than the one batch on which a recorder was killed can
    only be missing by damage, and so is what lies in front of a whole batch.
    """
    path, columns = folder / table_file(table, schema), table_columns(table, schema)
    if schema == 1:  # Parquet has its directory at the end
        return Salvaged(read_table(path, columns))
    try:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowException):
        return _salvage_stream(path, columns, BYTES_PER_BATCH + picture_bytes + _ROW_ROOM_BYTES)
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


def _salvage_stream(path: Path, columns: pa.Schema, batch_bytes: int) -> Salvaged:
    try:
        stream = _stream(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: nothing of it can be read: {error}") from error
    check_columns(path, stream.schema, columns)
    data = pa.memory_map(str(path)).read_buffer()
    _, at = _message(data, len(_MAGIC)) or (None, len(_MAGIC))  # the columns, which could be read
    whole, lost_bytes = [], 0
    while (found := _next_batch(data, at, columns)) is not None:
        begin, batch, end = found
        whole.append(batch)
        lost_bytes += begin - at
        at = end
    if data.size - at > batch_bytes:
        lost_bytes += data.size - at
    damage = f"{path.name}: {lost_bytes} bytes of it cannot be read" if lost_bytes else ""
    return Salvaged(pa.Table.from_batches(whole, columns), cut=True, damage=damage)


def _next_batch(data: pa.Buffer, at: int, columns: pa.Schema) -> tuple[int, pa.RecordBatch, int] | None:
    """Return the first whole batch that begins at `at` or behind, and where it begins and ends."""
    for begin in chain([at], _message_begins(data, at)):
        message = _message(data, begin)
        if message is None or message[0].type != "record batch":
            continue
        try:
            return begin, _checked(pa.ipc.read_record_batch(message[0], columns)), message[1]
        except (OSError, pa.ArrowException):
            continue
    return None


def _message_begins(data: pa.Buffer, at: int) -> Iterator[int]:
    for found in _MESSAGE.finditer(memoryview(data), at):
        if found.start() % _ALIGNED_BYTES == 0:
            yield found.start()


def _message(data: pa.Buffer, at: int) -> tuple[pa.Message, int] | None:
    """Return the message that begins at `at` and where it ends; None where none is whole there."""
    source = pa.BufferReader(data.slice(at))
    try:
        message = pa.ipc.MessageReader.open_stream(source).read_next_message()
    except (StopIteration, OSError, pa.ArrowException):
        return None
    return message, at + source.tell()


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    batch.validate(full=True)
    return batch


def _stream(path: Path) -> pa.RecordBatchStreamReader:
    """Read the batches of a file from its begin, with no need of its end."""
    data = pa.memory_map(str(path)).read_buffer()
    if data.slice(0, len(_MAGIC)).to_pybytes() != _MAGIC:
        raise OSError(f"it does not begin like an Arrow file ({data.size} bytes)")
    return pa.ipc.open_stream(data.slice(len(_MAGIC)))
