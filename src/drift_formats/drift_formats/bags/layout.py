"""Which files make a bag, and what its metadata.yaml announces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from drift_core.errors import DataError

from drift_formats.bags.metadata import METADATA_FILE, VERSION, Qos

STORAGES = {".mcap": "mcap", ".db3": "sqlite3"}
_METADATA_BYTES_MAX = 64 << 20


@dataclass(frozen=True)
class Announced:
    """What metadata.yaml says of a topic."""

    type: str
    hash: str  # empty up to version 6
    offered: tuple[Qos, ...]
    count: int


@dataclass(frozen=True)
class Layout:
    """The files of a bag in their order."""

    files: tuple[Path, ...]
    storage: str  # "mcap" or "sqlite3"
    message_compression: bool = False  # zstd, of each message by itself
    topics: Mapping[str, Announced] = field(default_factory=dict)  # empty for a file alone
    start_ns: int = 0  # of the log; 0 for a file alone


def is_bag(source: Path) -> bool:
    """Whether a file or folder is a bag, be it a broken one."""
    if source.is_dir():
        return any(path.suffix in STORAGES for path in source.iterdir()) or (source / METADATA_FILE).is_file()
    return source.is_file() and source.suffix in STORAGES


def layout(source: Path) -> Layout:
    """Return the layout of a bag, a folder or one file; DataError names file and key."""
    if source.is_file():
        if source.suffix not in STORAGES:
            raise DataError(f"{source}: must end with one of {', '.join(STORAGES)}")
        return Layout((source,), STORAGES[source.suffix])
    path = source / METADATA_FILE
    if not path.is_file():
        raise DataError(f"{path}: is not there, so the bag was broken off: drift data repair {source}")
    if path.stat().st_size > _METADATA_BYTES_MAX:
        raise DataError(f"{path}: {path.stat().st_size} bytes, at most {_METADATA_BYTES_MAX}")
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        return _layout(source, path, said)
    except KeyError as error:
        raise DataError(f"{path}: the key {error} is missing") from error
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _layout(source: Path, path: Path, said: dict[str, Any]) -> Layout:
    if not 1 <= said["version"] <= VERSION:
        raise DataError(f"{path}: version={said['version']} must be {VERSION} or less")
    files = [source / PurePosixPath(name).name for name in said["relative_file_paths"]]
    if gone := [file.name for file in files if not file.is_file()]:
        raise DataError(f"{path}: relative_file_paths: {', '.join(gone)} is not in the folder")
    if not files:
        raise DataError(f"{path}: relative_file_paths must name a file")
    # `ros2 bag reindex` leaves storage_identifier empty (rosbag2 #2175)
    ending = next((suffix for suffix in files[0].suffixes if suffix in STORAGES), "")
    storage, known = said["storage_identifier"] or STORAGES.get(ending, ""), STORAGES.values()
    if storage not in known:
        raise DataError(f"{path}: storage_identifier={storage!r} must be one of {', '.join(known)}")
    compression, form = said.get("compression_mode", "").lower(), said.get("compression_format", "")
    if compression in ("file", "message") and form != "zstd":
        raise DataError(f"{path}: compression_format={form!r} must be zstd")
    topics = {}
    for entry in said["topics_with_message_count"]:
        topic = entry["topic_metadata"]
        topics[topic["name"]] = Announced(
            topic["type"],
            topic.get("type_description_hash") or "",
            tuple(map(Qos.of, _profiles(topic.get("offered_qos_profiles") or ()))),
            entry["message_count"],
        )
    start_ns = int(said["starting_time"]["nanoseconds_since_epoch"])
    return Layout(tuple(files), storage, compression == "message", topics, start_ns)


def _profiles(said: Any) -> Any:
    """Return the profiles as a list: up to version 8 they are a text of YAML."""
    return yaml.safe_load(said) or () if isinstance(said, str) else said
