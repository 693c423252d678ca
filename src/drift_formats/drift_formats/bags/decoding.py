"""Messages of a bag as objects that have the fields of their type; each version of a type by itself."""

import re
import struct
from typing import Any

from drift_core.errors import DataError
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from drift_formats.bags.message_types import MessageType
from drift_formats.bags.storages import BagMessage

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*/(msg/)?[A-Za-z][A-Za-z0-9_]*")
_PART = re.compile(r"^MSG: (.*)$", re.MULTILINE)
DISTRIBUTIONS = {
    store.name.removeprefix("ROS2_").lower(): store for store in Stores if store.name.startswith("ROS2_")
}


class Decoder:
    """The types of one bag."""

    def __init__(self, distribution: str = "") -> None:
        """`distribution`: of ROS, whose definitions are taken for types of which the bag has none."""
        self._distribution = distribution
        self._stores: dict[MessageType, Typestore] = {}

    def __call__(self, message: BagMessage) -> Any:
        """Return a message with its fields; DataError names file, topic and type where that fails."""
        kind = message.topic.type
        store = self._stores.get(kind) or self._make(message)
        try:
            return store.deserialize_cdr(message.data, kind.name)
        except (SerdeError, AssertionError, IndexError, KeyError, ValueError, struct.error) as error:
            why = str(error) or "it has more or fewer bytes than its definition"
            raise DataError(f"{message}: is no {kind.name} of {len(message.data)} bytes: {why}") from error

    def _make(self, message: BagMessage) -> Typestore:
        kind, where = message.topic.type, str(message.topic)
        if kind.definition:
            store = self._defined(kind, where)
        elif self._distribution:
            store = get_typestore(DISTRIBUTIONS[self._distribution])
        else:
            raise DataError(
                f"{where}: the bag has no definition of {kind.name or 'its messages'}; where that is as in a "
                f"distribution of ROS, --map can say so: definitions, one of {', '.join(DISTRIBUTIONS)}"
            )
        if kind.name not in store.types:
            raise DataError(f"{where}: no definition of {kind.name} is there")
        self._stores[kind] = store
        return store

    def _defined(self, kind: MessageType, where: str) -> Typestore:
        names = [kind.name, *_PART.findall(kind.definition)]
        if odd := [name for name in names if not _NAME.fullmatch(name)]:  # rosbags makes code of names
            raise DataError(f"{where}: {odd[0]!r} is no name of a type")
        store = get_typestore(Stores.EMPTY)
        try:
            match kind.encoding:
                case "ros2msg":
                    store.register(get_types_from_msg(kind.definition, kind.name))
                case "ros2idl":
                    store.register(get_types_from_idl(kind.definition))
                case _:
                    raise DataError(
                        f"{where}: its schema is in {kind.encoding!r}, must be ros2msg or ros2idl"
                    )
        except (TypesysError, KeyError) as error:
            raise DataError(f"{where}: the definition of {kind.name} cannot be read: {error}") from error
        return store
