"""Types of messages: the whole definition of each, and the hash by which ROS tells two versions apart."""

import os
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from drift_core.errors import DataError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.base import Nodetype, TypesysError

_SEPARATOR = "=" * 80


@dataclass(frozen=True)
class MessageType:
    """One version of a type, as a bag tells of it."""

    name: str  # "sensor_msgs/msg/Image"
    definition: str  # its own text, then that of every type in it, each after a line `MSG: package/Type`
    encoding: str = "ros2msg"

    @cached_property
    def hash(self) -> str:
        """`RIHS01_…` (REP 2011), as rclpy has it; wrong for types with `char` or `byte` (ours have none)."""
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(self.definition, self.name))
        return store.hash_rihs01(self.name)


@cache
def installed(name: str) -> MessageType:
    """Return the type `name` as it is installed below AMENT_PREFIX_PATH; DataError where it is not."""
    texts: dict[str, str] = {}
    _gather(name, texts)
    own = texts.pop(name)
    nested = [
        f"{_SEPARATOR}\nMSG: {kind.replace('/msg/', '/')}\n{text}" for kind, text in sorted(texts.items())
    ]
    return MessageType(name, "".join((own, *nested)))


def _gather(name: str, into: dict[str, str]) -> None:
    """Put the text of a type and of all types in it into `into`."""
    if name in into:
        return
    into[name] = _text(name)
    try:
        _, fields = get_types_from_msg(into[name], name)[name]
    except TypesysError as error:
        raise DataError(f"the definition of {name} cannot be read: {error}") from error
    for _, field in fields:
        if nested := _type_in(field):
            _gather(nested, into)


def _type_in(field: tuple) -> str:
    """Return the type that a field is, or is many of; empty for numbers and texts."""
    node, what = field
    if node == Nodetype.NAME:
        return str(what)
    return _type_in(what[0]) if node in (Nodetype.ARRAY, Nodetype.SEQUENCE) else ""


def _text(name: str) -> str:
    package, *_, kind = name.split("/")
    prefixes = [
        Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix
    ]
    for prefix in prefixes:
        path = prefix / "share" / package / "msg" / f"{kind}.msg"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return text if text.endswith("\n") else text + "\n"
    raise DataError(f"no definition of {name} below AMENT_PREFIX_PATH ({len(prefixes)} folders)")
