"""Messages between two processes: a JSON header and raw arrays, nothing that could run.

4 bytes   length of the header, little endian
header    {"kind": …, "fields": {…}, "arrays": [{"name": …, "dtype": …, "shape": […]}]}
arrays    one after the other, in C order
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

VERSION = 2  # of the protocol; both sides must have the same
DTYPES = ("uint8", "float32", "float64")
HEADER_MAX = 1 << 16  # bytes
ARRAYS_MAX = 64 << 20  # bytes of one message


class WireError(Exception):
    """What came is no message of this protocol."""


@dataclass(frozen=True, eq=False)
class Message:
    """One request or answer."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)  # numbers, texts, lists and dictionaries of them
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def encode(message: Message) -> bytes:
    """Return the bytes of a message; WireError for an array of another type than `DTYPES`."""
    described, raw = [], []
    for name, array in message.arrays.items():
        if array.dtype.name not in DTYPES:
            raise WireError(f"array {name} must be of {', '.join(DTYPES)}, got {array.dtype.name}")
        described.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape)})
        raw.append(np.ascontiguousarray(array).tobytes())
    header = {"kind": message.kind, "fields": message.fields, "arrays": described}
    text = json.dumps(header, allow_nan=False).encode()
    if len(text) > HEADER_MAX:
        raise WireError(f"a header must have at most {HEADER_MAX} bytes, got {len(text)}")
    return b"".join([struct.pack("<I", len(text)), text, *raw])


def receive(read: Callable[[int], bytes]) -> Message:
    """Read one message; `read` returns exactly as many bytes as it is asked for.

    WireError says what of it is wrong; nothing is reserved before its size is known to be allowed.
    """
    (length,) = struct.unpack("<I", read(4))
    if length > HEADER_MAX:
        raise WireError(f"a header must have at most {HEADER_MAX} bytes, got {length}")
    try:
        header = json.loads(read(length))
        kind, fields, described = header["kind"], header["fields"], header["arrays"]
        shapes = [(str(a["name"]), str(a["dtype"]), tuple(a["shape"])) for a in described]
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"a header must be JSON with kind, fields and arrays: {error!r}") from None
    if not isinstance(kind, str) or not isinstance(fields, dict):
        raise WireError(f"kind must be a text and fields an object, got {kind!r}, {fields!r}")
    arrays, left = {}, ARRAYS_MAX
    for name, dtype, shape in shapes:
        if dtype not in DTYPES or not all(type(n) is int and n >= 0 for n in shape):
            raise WireError(f"array {name} must be of {', '.join(DTYPES)}, got {dtype} {shape}")
        size = int(np.prod([1, *shape], dtype=object)) * np.dtype(dtype).itemsize
        left -= size
        if left < 0:
            raise WireError(f"the arrays of a message must have at most {ARRAYS_MAX} bytes, got {size} more")
        arrays[name] = np.frombuffer(read(size), dtype).reshape(shape).copy()
    return Message(kind, fields, arrays)
