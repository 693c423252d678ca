"""Write one bag: a folder with one MCAP file, which can be read up to the last `flush`, and metadata.yaml."""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from drift_core.disk import flush_to_disk
from mcap.writer import CompressionType, Writer

from drift_formats.bags.message_types import MessageType
from drift_formats.bags.metadata import Contents, FileContents, Topic

CHUNK_BYTES = 1 << 20
_COMPRESSIONS = {"none": CompressionType.NONE, "lz4": CompressionType.LZ4, "zstd": CompressionType.ZSTD}


class BagWriter:
    """Write messages as they were serialized; used from one thread.

    Whatever happens, the file holds all that was flushed, and `repair` (drift_formats/bags/repair.py) makes
    it whole; until it is closed the file is locked (flock), so that `repair` leaves it alone. OSError when
    the disk is full.
    """

    def __init__(
        self,
        folder: Path | str,
        distribution: str = os.environ.get("ROS_DISTRO", ""),
        compression: Literal["none", "lz4", "zstd"] = "none",
    ) -> None:
        """Make `folder`, which must not be there; OSError."""
        self.folder, self._distribution = Path(folder), distribution
        self.folder.mkdir(parents=True)
        self.path = self.folder / f"{self.folder.name}_0.mcap"
        self._stream = self.path.open("xb")
        fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file = Writer(self._stream, CHUNK_BYTES, _COMPRESSIONS[compression])
        self._file.start("ros2", "drift")
        self._file.flush()
        self._schemas: dict[MessageType, int] = {}
        self._channels: dict[Topic, int] = {}
        self.counts: dict[Topic, int] = {}  # messages
        self._start_ns: int | None = None
        self._end_ns = 0

    def write(self, topic: Topic, data: bytes, log_ns: int, publish_ns: int, sequence: int = 0) -> None:
        """Take one message, `data` in CDR with its header of 4 bytes.

        `log_ns`, when it arrived, and `publish_ns`, when it was sent, count from 1970.
        """
        self.declare(topic)
        self._file.add_message(self._channels[topic], log_ns, data, publish_ns, sequence)
        self.counts[topic] += 1
        self._start_ns = log_ns if self._start_ns is None else min(log_ns, self._start_ns)
        self._end_ns = max(log_ns, self._end_ns)

    def declare(self, topic: Topic) -> None:
        """Tell of a topic, of which messages may come or not."""
        if topic in self._channels:
            return
        kind = topic.type
        if kind not in self._schemas:
            definition = kind.definition.encode()
            self._schemas[kind] = self._file.register_schema(kind.name, "ros2msg", definition)
        channel = self._file.register_channel(topic.name, "cdr", self._schemas[kind], topic.channel())
        self._channels[topic], self.counts[topic] = channel, 0

    def note(self, name: str, data: Mapping[str, str]) -> None:
        """Write a metadata record at once."""
        self._file.add_metadata(name, dict(data))

    def flush(self) -> None:
        """End the chunk: what was written until now is in the file, whatever becomes of this process."""
        self._file.flush()

    def close(self, custom: Mapping[str, str] | None = None) -> Path:
        """Finish the bag and return its folder; `custom` is what metadata.yaml says under custom_data."""
        contents = Contents((self.contents(self.path.name),), self._distribution, custom or {})
        try:
            self._file.add_metadata("rosbag2", contents.record())
            self._file.finish()
        finally:
            self._stream.close()
        flush_to_disk(self.path)
        contents.write(self.folder)
        return self.folder

    def contents(self, name: str) -> FileContents:
        """Return what was written, to a file that is called `name`."""
        return FileContents(name, self.counts, self._start_ns or 0, self._end_ns)

    def abandon(self) -> None:
        """Close the file as it is; what is not in it by now need not get there."""
        with suppress(OSError):
            self._stream.close()
