"""What a bag says of itself: metadata.yaml of rosbag2, version 9, and the same inside the file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from drift_core.disk import flush_to_disk

from drift_formats.bags.message_types import MessageType

VERSION = 9
METADATA_FILE = "metadata.yaml"
_KEY = "rosbag2_bagfile_information"
_INFINITE_NS = 9223372036854775807


_WORDS = {  # of each policy, in the order of the numbers of rmw
    "history": ("system_default", "keep_last", "keep_all", "unknown"),
    "reliability": ("system_default", "reliable", "best_effort", "unknown", "best_available"),
    "durability": ("system_default", "transient_local", "volatile", "unknown", "best_available"),
    "liveliness": (
        "system_default",
        "automatic",
        "manual_by_node",
        "manual_by_topic",
        "unknown",
        "best_available",
    ),
}


@dataclass(frozen=True)
class Qos:
    """The quality of service that one publisher offers, in the words of rosbag2."""

    reliability: str = "reliable"
    durability: str = "volatile"
    history: str = "keep_last"
    depth: int = 10
    liveliness: str = "automatic"
    deadline_ns: int = _INFINITE_NS
    lifespan_ns: int = _INFINITE_NS
    lease_ns: int = _INFINITE_NS

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Qos":
        """Return what rosbag2 has written; numbers, as up to version 8, stand for words.

        KeyError, TypeError or ValueError for what it does not write.
        """
        words = {key: _word(key, plain[key]) for key in _WORDS}
        return cls(
            **words,
            depth=int(plain["depth"]),
            deadline_ns=_nanoseconds(plain["deadline"]),
            lifespan_ns=_nanoseconds(plain["lifespan"]),
            lease_ns=_nanoseconds(plain["liveliness_lease_duration"]),
        )

    def plain(self) -> dict[str, Any]:
        """Return it as rosbag2 writes it."""
        return {
            "history": self.history,
            "depth": self.depth,
            "reliability": self.reliability,
            "durability": self.durability,
            "deadline": _time(self.deadline_ns),
            "lifespan": _time(self.lifespan_ns),
            "liveliness": self.liveliness,
            "liveliness_lease_duration": _time(self.lease_ns),
            "avoid_ros_namespace_conventions": False,
        }


@dataclass(frozen=True)
class Topic:
    """One topic of a bag."""

    name: str
    type: MessageType
    offered: tuple[Qos, ...] = ()  # by its publishers; empty: nobody knows

    def channel(self) -> dict[str, str]:
        """Return what the channel in the file says beside name and type."""
        return {"offered_qos_profiles": _dump(self._profiles()), "topic_type_hash": self.type.hash}

    def plain(self) -> dict[str, Any]:
        """Return what metadata.yaml says."""
        return {
            "name": self.name,
            "type": self.type.name,
            "serialization_format": "cdr",
            "offered_qos_profiles": self._profiles(),
            "type_description_hash": self.type.hash,
        }

    def _profiles(self) -> list[dict[str, Any]]:
        return [qos.plain() for qos in self.offered]


@dataclass(frozen=True)
class FileContents:
    """What is in one file of a bag; times of the log in nanoseconds since 1970."""

    name: str
    counts: Mapping[Topic, int]  # messages
    start_ns: int = 0  # 0 where there is no message
    end_ns: int = 0

    @property
    def messages(self) -> int:
        """How many in all."""
        return sum(self.counts.values())

    def span(self) -> dict[str, Any]:
        """Return times and number of messages, as rosbag2 writes them."""
        return {
            "duration": {"nanoseconds": self.end_ns - self.start_ns},
            "starting_time": {"nanoseconds_since_epoch": self.start_ns},
            "message_count": self.messages,
        }


@dataclass(frozen=True)
class Contents:
    """What is in a bag."""

    files: tuple[FileContents, ...]
    distribution: str  # of ROS
    custom: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Put metadata.yaml into the bag's folder, whole or not at all; what is there is replaced."""
        part = folder / f".{METADATA_FILE}.part"
        part.write_text(_dump({_KEY: self._plain()}) + "\n", encoding="utf-8")
        flush_to_disk(part)
        os.replace(part, folder / METADATA_FILE)
        flush_to_disk(folder)

    def record(self) -> dict[str, str]:
        """Return the metadata record `rosbag2` of the (last) file."""
        return {"serialized_metadata": _dump(self._plain())}

    def _plain(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "storage_identifier": "mcap",
            **self._all().span(),
            "topics_with_message_count": [
                {"topic_metadata": topic.plain(), "message_count": count}
                for topic, count in self._all().counts.items()
            ],
            "compression_format": "",
            "compression_mode": "",
            "relative_file_paths": [file.name for file in self.files],
            "files": [{"path": file.name, **file.span()} for file in self.files],
            "custom_data": dict(self.custom) or None,
            "ros_distro": self.distribution,
        }

    def _all(self) -> FileContents:
        """Return all files as one."""
        counts: dict[Topic, int] = {}
        for file in self.files:
            for topic, count in file.counts.items():
                counts[topic] = counts.get(topic, 0) + count
        filled = [file for file in self.files if file.messages]
        start_ns = min((file.start_ns for file in filled), default=0)
        return FileContents("", counts, start_ns, max((file.end_ns for file in filled), default=0))


def _dump(what: dict[str, Any] | Sequence[Any]) -> str:
    return yaml.dump(what, Dumper=_Dumper, sort_keys=False, default_flow_style=False).strip()


class _Dumper(yaml.SafeDumper):
    """Write equal values again instead of naming the first one: other readers need not know anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _time(nanoseconds: int) -> dict[str, int]:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return {"sec": seconds, "nsec": rest}


def _nanoseconds(time: Mapping[str, int]) -> int:
    return int(time["sec"]) * 1_000_000_000 + int(time["nsec"])


def _word(policy: str, said: str | int) -> str:
    words = _WORDS[policy]
    word = words[said] if isinstance(said, int) and 0 <= said < len(words) else said
    if word not in words:
        raise ValueError(f"{policy}={said!r} must be one of: {', '.join(words)}")
    return word
