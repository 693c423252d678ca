"""Make a bag whole that was broken off: all messages up to the last whole record, and a new metadata.yaml."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from drift_core.errors import DataError
from mcap.records import Channel, Message, Metadata, Schema

from drift_formats.bags.mcap_file import McapScan
from drift_formats.bags.message_types import MessageType
from drift_formats.bags.metadata import METADATA_FILE, Contents, FileContents, Qos, Topic
from drift_formats.bags.writer import BagWriter

_ENDING = ".mcap"
_KEPT = ".original"


@dataclass
class Repaired:
    """What became of a bag."""

    messages: int = 0  # that are in it now
    left_over_bytes: int = 0  # at its end, which were no whole record
    broken_chunks: list[str] = field(
        default_factory=list
    )  # files, each as often as a chunk of it was left out
    undescribed: int = 0  # messages that were left out, because what they are stood in such a chunk
    kept: list[Path] = field(default_factory=list)  # originals of files in which more is damaged than the end
    custom: dict[str, str] = field(default_factory=dict)  # what the records in it say


def broken_off_bags(root: Path) -> list[Path]:
    """Return the bags below `root` that were never finished, sorted."""
    return [folder for folder in sorted(root.glob("*")) if broken_off(folder)]


def broken_off(folder: Path) -> bool:
    """Whether a bag of MCAP files was never finished."""
    return not (folder / METADATA_FILE).is_file() and any(folder.glob(f"*{_ENDING}"))


def repair(folder: Path | str) -> Repaired:
    """Make the bag in `folder` whole, and say what is in it.

    Each file is written anew beside itself, then takes its place: there must be room for what the largest
    holds, without compression. Where more is lost than a writer that was killed loses at its end, the
    original is kept beside as NAME.mcap.original.
    DataError for what is no such bag, or is being recorded; OSError.
    """
    folder = Path(folder)
    check_repairable(folder)
    told, contents = Repaired(), []
    for path in _files(folder):
        with _left_alone(path):
            contents.append(_rewrite(path, told))
    told.messages = sum(file.messages for file in contents)
    Contents(tuple(contents), os.environ.get("ROS_DISTRO", ""), told.custom).write(folder)
    return told


def check_repairable(folder: Path) -> None:
    """Raise DataError for what is no bag of MCAP files, or is being recorded; OSError."""
    if not (paths := _files(folder)):
        raise DataError(f"{folder} must be a folder with {_ENDING} files")
    for path in paths:
        with _left_alone(path):
            pass


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_ENDING}"), key=_number)


def _rewrite(path: Path, told: Repaired) -> FileContents:
    """Write a file anew, with what is whole of it."""
    beside = path.parent / f".{path.stem}.repair"
    if beside.exists():
        shutil.rmtree(beside)  # of a repair that was broken off
    writer, scan = BagWriter(beside), McapScan(path)
    try:
        _copy(scan, writer, told)
        writer.close(told.custom)
        if scan.damaged:
            told.kept.append(_free_name(path))
            os.rename(path, told.kept[-1])
        os.replace(writer.path, path)
    finally:
        writer.abandon()
        shutil.rmtree(beside)
    told.left_over_bytes += scan.left_over_bytes
    told.broken_chunks += [path.name] * scan.broken_chunks
    return writer.contents(path.name)


@contextmanager
def _left_alone(path: Path) -> Iterator[None]:
    """Hold the lock that the writer of a file holds; DataError while it does."""
    with path.open("r+b") as file:  # over NFS only what may be written can be locked
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{path}: is being recorded; end the recorder first") from None
        yield


def _free_name(path: Path) -> Path:
    """Return where the original can be kept; an earlier one stays."""
    kept, number = path.with_name(path.name + _KEPT), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}{_KEPT}.{number}")
    return kept


def _copy(scan: McapScan, writer: BagWriter, told: Repaired) -> None:
    schemas: dict[int, Schema] = {}
    topics: dict[int, Topic] = {}
    for record in scan:
        match record:
            case Schema():
                schemas[record.id] = record
            case Channel():
                topics[record.id] = topic_of(record, schemas.get(record.schema_id), scan.path)
            case Message() if (topic := topics.get(record.channel_id)) is not None:
                writer.write(topic, record.data, record.log_time, record.publish_time, record.sequence)
            case Message():
                told.undescribed += 1
            case Metadata(name=name, metadata=data) if name != "rosbag2":
                writer.note(name, data)
                told.custom |= data


def topic_of(channel: Channel, schema: Schema | None, path: Path) -> Topic:
    """Return a channel of a file as a topic; DataError where its messages cannot be read."""
    where = f"{path}: topic {channel.topic}"
    if channel.message_encoding != "cdr":
        raise DataError(f"{where}: message_encoding={channel.message_encoding!r} must be 'cdr'")
    if schema is None or not schema.data:
        raise DataError(f"{where} has no definition of its messages{f' ({schema.name})' if schema else ''}")
    if schema.encoding != "ros2msg":
        raise DataError(f"{where}: its schema {schema.name} is in {schema.encoding!r}, must be 'ros2msg'")
    return Topic(
        channel.topic, MessageType(schema.name, schema.data.decode()), _offered(channel.metadata, where)
    )


def _offered(said: Mapping[str, str], where: str) -> tuple[Qos, ...]:
    text = said.get("offered_qos_profiles", "")
    try:
        return tuple(Qos.of(profile) for profile in yaml.safe_load(text) or ())
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: offered_qos_profiles cannot be read: {error}") from error


def _number(path: Path) -> tuple[int, str]:
    """Return the place of a file in its bag: NAME_0.mcap, NAME_1.mcap, …, NAME_10.mcap."""
    number = path.stem.rpartition("_")[2]
    return (int(number) if number.isdigit() else 0, path.name)
