"""One MCAP file from its beginning to its end, or to where it was cut off."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard
from drift_core.errors import DataError
from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.records import Attachment, Channel, Chunk, DataEnd, Message, Metadata, Schema
from mcap.stream_reader import CRCValidationError, StreamReader, breakup_chunk

Record = Schema | Channel | Message | Metadata
_MAGIC = b"\x89MCAP0\r\n"
_HEAD_BYTES = 9  # of a record: what it is, and the length of what follows
_UNFINISHED_BYTES_MAX = 32 << 20  # a chunk of a writer that was killed: a few MiB, more with a huge picture
_BROKEN = (McapError, CRCValidationError, zstandard.ZstdError, struct.error, RuntimeError, ValueError)


class McapScan:
    """The records of a file in the order in which they were written; what they cost in memory is one chunk.

    A chunk that does not hold what it should is left out and counted. DataError for what is no MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.whole = False  # known at the end: whether the data has an end
        self.left_over_bytes = 0  # known at the end: behind the last whole record of a file that was cut off
        self.damaged = False  # known at the end: whether more is lost than what was being written at the end
        self.broken_chunks = 0

    def __iter__(self) -> Iterator[Record]:
        with self.path.open("rb") as file:
            whole = _WholeReads(file)
            records = StreamReader(cast(BinaryIO, whole), emit_chunks=True).records
            size, end = self.path.stat().st_size, 0
            while True:
                try:
                    record = next(records, None)
                except InvalidMagic as error:
                    raise DataError(f"{self.path} is no MCAP file: {error}") from error
                except _BROKEN:
                    self.left_over_bytes = size - end
                    self.damaged |= not _cut_off(self.path, end, size)
                    return
                end = file.tell()
                if record is None or isinstance(record, DataEnd):
                    self.whole = True
                    return
                if isinstance(record, Chunk):
                    yield from self._records_of(record)
                elif isinstance(record, Attachment):
                    self.damaged = True  # it is not read
                elif isinstance(record, Record):
                    yield record

    def _records_of(self, chunk: Chunk) -> Iterator[Record]:
        try:
            records = breakup_chunk(chunk, validate_crc=True)
        except _BROKEN:
            self.broken_chunks += 1
            self.damaged = True
            return
        yield from (record for record in records if isinstance(record, Record))


def _cut_off(path: Path, end: int, size: int) -> bool:
    """Whether what lies behind `end` can be one record that its writer was writing when it was killed."""
    with path.open("rb") as file:
        file.seek(max(0, size - len(_MAGIC)))
        finished = size > len(_MAGIC) and file.read() == _MAGIC
        file.seek(end)
        head = file.read(_HEAD_BYTES)
    longer = len(head) < _HEAD_BYTES or end + _HEAD_BYTES + int.from_bytes(head[1:], "little") > size
    return longer and not finished and size - end <= _UNFINISHED_BYTES_MAX


class _WholeReads:
    """A file that gives all that is asked for: mcap takes less for the whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EndOfFile
        return data
