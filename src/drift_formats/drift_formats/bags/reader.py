"""Read a bag, MCAP or SQLite, split or compressed: each file by the definitions that stand in it."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import zstandard
from drift_core.errors import DataError
from mcap.records import Metadata

from drift_formats.bags.layout import layout
from drift_formats.bags.message_types import MessageType
from drift_formats.bags.storages import BagMessage, BagTopic, mcap_messages, sqlite_messages, unpacked

_MESSAGE_BYTES_MAX = 1 << 30


class BagReader:
    """The messages of a bag in the order in which they were written, read as often as wanted."""

    def __init__(self, source: Path) -> None:
        """DataError for what is no bag, or one without an end."""
        self.source, self._layout = source, layout(source)
        self._counts: Counter[str] = Counter()  # messages in the files, by topic
        self._topics: list[BagTopic] = []  # in the files
        self.notes: dict[str, dict[str, str]] = {}  # metadata records by name, known as `messages` goes on

    @property
    def started_s(self) -> float:
        """When the log begins, as metadata.yaml says; 0 for a file alone."""
        return self._layout.start_ns / 1e9

    def sha256(self) -> str:
        """Return a digest of all its messages' files, in their order, in hexadecimal."""
        digest = hashlib.sha256()
        for path in self._layout.files:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def leading_notes(self) -> dict[str, dict[str, str]]:
        """Return the metadata records before the first message, by name."""
        found = {}
        for item in self._items():
            if isinstance(item, BagMessage):
                break
            if isinstance(item, Metadata):
                found[item.name] = item.metadata
        return found

    def topics(self) -> dict[str, str]:
        """Return the types of the topics by name; reads the whole bag where metadata.yaml does not say."""
        if self._layout.topics:
            return {name: announced.type for name, announced in self._layout.topics.items()}
        return {item.name: item.type.name for item in self._items() if isinstance(item, BagTopic)}

    def messages(self, wanted: Collection[str]) -> Iterator[BagMessage]:
        """Yield the messages of some topics; DataError names file and topic of what cannot be read."""
        self._counts, self._topics, self.notes = Counter(), [], {}
        for item in self._items():
            if isinstance(item, Metadata):
                self.notes[item.name] = item.metadata
            elif isinstance(item, BagTopic):
                self._topics.append(item)
            elif isinstance(item, BagMessage):
                self._counts[item.topic.name] += 1
                if item.topic.name in wanted:
                    yield self._decompressed(item)

    def remarks(self) -> list[str]:
        """Return where metadata.yaml and the files do not agree; known once all messages were read."""
        found = []
        for name, announced in self._layout.topics.items():
            if self._counts[name] != announced.count:
                counts = f"{announced.count} messages, the files have {self._counts[name]}"
                found.append(f"topic {name}: metadata.yaml announces {counts}")
            for topic in self._topics:
                if topic.name == name and topic.type.name != announced.type:
                    found.append(f"{topic}: is of {topic.type.name}, metadata.yaml says {announced.type}")
                elif topic.name == name and announced.hash and topic.hash not in ("", announced.hash):
                    found.append(
                        f"{topic}: is of another version of {topic.type.name} than metadata.yaml says"
                    )
        versions: dict[str, set[MessageType]] = {}
        for topic in self._topics:
            versions.setdefault(topic.type.name, set()).add(topic.type)
        found += [
            f"{len(each)} versions of {name} in the bag: each file is read by its own"
            for name, each in versions.items()
            if len(each) > 1
        ]
        return found

    def _items(self) -> Iterator[BagTopic | BagMessage | Metadata]:
        scan = mcap_messages if self._layout.storage == "mcap" else sqlite_messages
        for path in self._layout.files:
            with unpacked(path) as plain:
                yield from scan(plain, path)

    def _decompressed(self, message: BagMessage) -> BagMessage:
        if not self._layout.message_compression:
            return message
        try:
            size = zstandard.frame_content_size(message.data)
            if size > _MESSAGE_BYTES_MAX:
                raise DataError(f"{message}: {size} bytes, at most {_MESSAGE_BYTES_MAX}")
            limit = size if size >= 0 else _MESSAGE_BYTES_MAX
            data = zstandard.ZstdDecompressor().decompress(message.data, max_output_size=limit)
        except zstandard.ZstdError as error:
            raise DataError(f"{message}: cannot be unpacked: {error}") from error
        return replace(message, data=data)
