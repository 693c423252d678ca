"""The messages of one file of a bag, in the order in which they were written."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import zstandard
from drift_core.errors import DataError
from mcap.records import Channel, Message, Metadata, Schema
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat
from rosbags.rosbag2 import Reader, ReaderError

from drift_formats.bags.mcap_file import McapScan
from drift_formats.bags.message_types import MessageType

_COMPRESSED = ".zstd"
_BLOCK_BYTES = 16 << 20
_FREE_BYTES_MIN = 1 << 30  # left on the disk when a file is unpacked
_ENCODINGS = {MessageDefinitionFormat.MSG: "ros2msg", MessageDefinitionFormat.IDL: "ros2idl"}


@dataclass(frozen=True, slots=True, eq=False)
class BagTopic:
    """A topic in a file."""

    name: str
    type: MessageType  # without a definition where the file has none
    hash: str  # as the file says; empty where it does not
    file: Path

    def __str__(self) -> str:
        return f"{self.file}: topic {self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class BagMessage:
    """One message as it was serialized, and from where."""

    topic: BagTopic
    data: bytes  # CDR with its header of 4 bytes
    log_ns: int  # when it arrived
    publish_ns: int  # when it was sent; as log_ns where the storage does not say
    sequence: int = 0

    def __str__(self) -> str:
        return f"{self.topic}, log_time {self.log_ns}"


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a file itself, or where it lies for now without its compression."""
    if path.suffix != _COMPRESSED:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, path.open("rb") as packed:
        plain = Path(folder) / path.stem
        with plain.open("wb") as file, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
            try:
                while block := stream.read(_BLOCK_BYTES):
                    if shutil.disk_usage(folder).free < _FREE_BYTES_MIN:
                        raise DataError(f"{path}: no room in {folder} to unpack it, set TMPDIR")
                    file.write(block)
            except zstandard.ZstdError as error:
                raise DataError(f"{path}: cannot be unpacked: {error}") from error
        yield plain


def mcap_messages(path: Path, named: Path) -> Iterator[BagTopic | BagMessage | Metadata]:
    """Read an MCAP file, which errors call `named`; DataError for one that is cut off or broken."""
    scan = McapScan(path)
    schemas: dict[int, Schema] = {}
    topics: dict[int, BagTopic] = {}
    for record in scan:
        match record:
            case Schema():
                schemas[record.id] = record
            case Channel() if record.id not in topics:
                topics[record.id] = _topic_of(record, schemas.get(record.schema_id), named)
                yield topics[record.id]
            case Message():
                if (topic := topics.get(record.channel_id)) is None:
                    raise DataError(f"{named}: a message of channel {record.channel_id}, which is not in it")
                yield BagMessage(topic, record.data, record.log_time, record.publish_time, record.sequence)
            case Metadata():
                yield record
    if not scan.whole:
        raise DataError(f"{named}: is cut off; drift data repair {named.parent} makes it whole")
    if scan.broken_chunks:
        raise DataError(
            f"{named}: {scan.broken_chunks} chunks do not hold what they should; "
            f"drift data repair {named.parent} leaves them out"
        )


def sqlite_messages(path: Path, named: Path) -> Iterator[BagTopic | BagMessage]:
    """Read an SQLite file, which errors call `named`, by its times: a clock set back is not seen.

    DataError for one that is broken.
    """
    try:
        with Reader(path) as reader:
            topics = {connection.id: _topic_in(connection, named) for connection in reader.connections}
            yield from topics.values()
            for connection, log_ns, data in reader.messages():
                yield BagMessage(topics[connection.id], data, log_ns, log_ns)
    except (ReaderError, apsw.Error, UnicodeDecodeError) as error:
        raise DataError(f"{named}: cannot be read: {error}") from error


def _topic_of(channel: Channel, schema: Schema | None, named: Path) -> BagTopic:
    if channel.message_encoding != "cdr":
        raise DataError(
            f"{named}: topic {channel.topic}: message_encoding={channel.message_encoding!r} must be 'cdr'"
        )
    kind = MessageType("", "")
    if schema is not None:
        kind = MessageType(schema.name, schema.data.decode(errors="replace"), schema.encoding or "ros2msg")
    return BagTopic(channel.topic, kind, channel.metadata.get("topic_type_hash", ""), named)


def _topic_in(connection: Connection, named: Path) -> BagTopic:
    form = connection.ext.serialization_format if isinstance(connection.ext, ConnectionExtRosbag2) else ""
    if form != "cdr":
        raise DataError(f"{named}: topic {connection.topic}: serialization_format={form!r} must be 'cdr'")
    encoding = _ENCODINGS.get(connection.msgdef.format, "ros2msg")
    kind = MessageType(connection.msgtype, connection.msgdef.data, encoding)
    return BagTopic(connection.topic, kind, connection.digest, named)
