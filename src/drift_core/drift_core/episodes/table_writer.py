"""Rows that go to an Arrow file a batch at a time, so that memory and what can be lost stay bounded."""

from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from drift_core.episodes.files import FRAME_COLUMNS
from drift_core.episodes.record import StoredFile
from drift_core.episodes.sink import Sink

_ROWS_PER_BATCH = 512
_FRAMES_PER_BATCH = 64


class TableWriter:
    """Write one table of an episode."""

    def __init__(
        self,
        path: Path,
        columns: pa.Schema,
        rows_per_batch: int,
        bytes_per_batch: int,
        make_room: Callable[[OSError], bool],
    ) -> None:
        """`make_room`: as of a Sink."""
        self._path, self._columns = path, columns
        self._rows_per_batch, self._bytes_per_batch = rows_per_batch, bytes_per_batch
        self._rows: deque[tuple[Any, ...]] = deque()
        self._bytes = 0  # of `_rows`
        self._broken: OSError | None = None  # why a batch was not written whole
        self._sink = Sink(path, make_room)
        self._file = pa.ipc.new_file(self._sink, columns, options=_options(columns))

    def add(self, values: tuple[Any, ...], size_bytes: int) -> None:
        """Take a row; now and then that writes a batch."""
        self._rows.append(values)
        self._bytes += size_bytes
        if len(self._rows) >= self._rows_per_batch or self._bytes >= self._bytes_per_batch:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait: from then on they outlive the process."""
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._columns, strict=True)]
        self._rows.clear()
        self._bytes = 0
        try:
            self._file.write_batch(pa.record_batch(arrays, schema=self._columns))
        except OSError as error:
            self._broken = error
            raise

    def close(self) -> StoredFile:
        """Finish the file; OSError when something of it could not be written."""
        self.flush()
        if self._broken is not None:  # behind a broken batch nothing can be read
            raise self._broken
        self._file.close()
        self._sink.close()
        return StoredFile(self._path.name, self._sink.tell(), self._sink.sha256)

    def leave(self) -> None:
        """Close the file as it is, up to its last whole batch; nothing happens when it is closed."""
        self._rows.clear()
        self._sink.discard()
        try:
            self._file.close()
        finally:
            self._sink.close()


def write_table(path: Path, rows: pa.Table) -> StoredFile:
    """Write a table whose rows are all there; OSError when that fails."""
    frames = rows.schema.names == FRAME_COLUMNS.names
    with closing(Sink(path, lambda error: False)) as sink:
        with pa.ipc.new_file(sink, rows.schema, options=_options(rows.schema)) as file:
            file.write_table(rows, _FRAMES_PER_BATCH if frames else _ROWS_PER_BATCH)
        return StoredFile(path.name, sink.tell(), sink.sha256)


def _options(columns: pa.Schema) -> pa.ipc.IpcWriteOptions:
    compression = None if columns.names == FRAME_COLUMNS.names else "zstd"
    return pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
