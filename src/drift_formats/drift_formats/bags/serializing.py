"""Messages of installed types, made and serialized without ROS."""

from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from drift_formats.bags.message_types import installed

_NANOSECONDS = 1_000_000_000


class Serializer:
    """Makes messages of the types that it is given, and what is nested in them."""

    def __init__(self, *names: str) -> None:
        """DataError for a type that is not installed."""
        self._store = get_typestore(Stores.EMPTY)
        for name in names:
            self._store.register(get_types_from_msg(installed(name).definition, name))

    def fields(self, name: str) -> list[str]:
        """Return the names of the fields of a type."""
        return [field for field, _ in self._store.fielddefs[name][1]]

    def make(self, name: str, /, **values: Any) -> Any:
        """Return a message; arrays of numbers are NumPy arrays."""
        return self._store.types[name](**values)

    def header(self, stamp_s: float, frame_id: str = "") -> Any:
        """Return a header; `stamp_s` is rounded to a nanosecond."""
        nanoseconds = nanoseconds_of(stamp_s)
        time = self.make(
            "builtin_interfaces/msg/Time",
            sec=nanoseconds // _NANOSECONDS,
            nanosec=nanoseconds % _NANOSECONDS,
        )
        return self.make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)

    def bytes(self, name: str, /, **values: Any) -> bytes:
        """Return a message in CDR, with its header of 4 bytes."""
        return bytes(self._store.serialize_cdr(self.make(name, **values), name))


def nanoseconds_of(time_s: float) -> int:
    """Return a time (not negative) in nanoseconds."""
    whole = int(time_s)  # apart: the product would lose digits
    return whole * _NANOSECONDS + round((time_s - whole) * _NANOSECONDS)
