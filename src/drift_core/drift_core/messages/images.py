"""Pictures in messages as NumPy arrays; of rclpy or of a bag, only the fields count.

Colour arrays are (H, W, 3) uint8 RGB; depth arrays (H, W) uint16 [mm] or float32 [m].
"""

from typing import Any, Protocol

import cv2
import numpy as np

from drift_core.errors import EncodingError
from drift_core.messages.encodings import COLOUR, ENCODINGS, decoded


class ImageFields(Protocol):
    """The fields of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


class CompressedFields(Protocol):
    """The fields of sensor_msgs/CompressedImage."""

    format: str
    data: Any


def to_array(msg: ImageFields) -> np.ndarray:
    """Return the numbers as they lie in the data, (rows, W) or (rows, W, C); read-only, if possible no copy.

    EncodingError for data that does not hold the picture.
    """
    if msg.encoding not in ENCODINGS:
        raise EncodingError(f"encoding={msg.encoding!r} must be one of {', '.join(ENCODINGS)}")
    encoding = ENCODINGS[msg.encoding]
    where = f"image {msg.width}x{msg.height} {msg.encoding}"
    encoding.check(where, msg.width, msg.height)
    item: np.dtype = np.dtype(encoding.number).newbyteorder(">" if msg.is_bigendian else "<")
    row_bytes = msg.width * encoding.channels * item.itemsize
    step = msg.step or row_bytes
    if step < row_bytes:
        raise EncodingError(f"{where}: step={step} must be the {row_bytes} bytes of a row, or more")
    height = round(msg.height * encoding.rows)
    if len(msg.data) < step * height:
        raise EncodingError(
            f"{where}: {height} rows of step={step} need {step * height} bytes, got {len(msg.data)}"
        )
    rows = np.frombuffer(msg.data, np.uint8, step * height).reshape(height, step)
    if msg.encoding == "i420" and step > row_bytes:
        rows = _without_padding(rows, msg.width, msg.height)
    pixels: np.ndarray = (
        np.ascontiguousarray(rows[:, :row_bytes]).view(item).astype(encoding.number, copy=False)
    )
    return pixels.reshape(height, msg.width, encoding.channels) if encoding.channels > 1 else pixels


def to_rgb(msg: ImageFields) -> np.ndarray:
    """Return a colour or grey image as (H, W, 3) uint8 RGB; EncodingError for depth and for broken images."""
    if (known := ENCODINGS.get(msg.encoding)) is not None and known.depth:
        raise EncodingError(f"encoding={msg.encoding!r} is depth, not colour; allowed: {COLOUR}")
    pixels = to_array(msg)
    return decoded(pixels, ENCODINGS[msg.encoding].to_rgb)


def decompressed(msg: CompressedFields) -> np.ndarray:
    """Return a compressed image as (H, W, 3) uint8 RGB; EncodingError for depth and for broken images.

    `format` says "ENCODING; KIND compressed ORDER", as image_transport has it, or the kind alone.
    """
    before, semicolon, after = msg.format.partition(";")
    encoding = before.strip() if semicolon else ""
    known = ENCODINGS.get(encoding)
    if "compressedDepth" in msg.format or (known is not None and known.depth):
        raise EncodingError(f"format={msg.format!r} is depth, not colour; allowed: {COLOUR}")
    pixels = _uncompressed(msg)
    if pixels.ndim == 3:  # OpenCV takes the file for RGB; it is BGR if written in the order RGB
        order = after.partition("compressed")[2].strip()
        return decoded(pixels, None if order.startswith("rgb") else cv2.COLOR_BGR2RGB)
    if known is None and pixels.dtype != np.uint8:
        raise EncodingError(
            f"format={msg.format!r} does not say whether {8 * pixels.itemsize}-bit grey is depth or mono16"
        )
    if encoding.startswith("bayer_") and known is not None:
        height, width = pixels.shape
        known.check(f"compressed image {width}x{height} {encoding}", width, height)
        return decoded(pixels, known.to_rgb)
    return decoded(pixels, cv2.COLOR_GRAY2RGB)


def _uncompressed(msg: CompressedFields) -> np.ndarray:
    """Return (H, W) or (H, W, 3), uint8 or uint16, in the order of OpenCV."""
    data = np.frombuffer(msg.data, np.uint8)
    unreadable = f"a compressed image of {data.size} bytes, format={msg.format!r}, is not readable"
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
    except cv2.error as error:  # for instance a header that announces more pixels than are allowed
        raise EncodingError(f"{unreadable}: {error}") from error
    if pixels is None:
        raise EncodingError(f"{unreadable}; allowed: jpeg, png")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise EncodingError(f"a compressed image, format={msg.format!r}, of {pixels.dtype} is not colour")
    return pixels


def _without_padding(rows: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the planes of I420, (3H/2, step), as (3H/2, W): a row of a plane of colour has step / 2."""
    step = rows.shape[1]
    if step % 2:
        raise EncodingError(f"image {width}x{height} i420: step={step} must be even")
    colour = rows[height:].reshape(height, step // 2)[:, : width // 2]
    return np.concatenate((rows[:height, :width], colour.reshape(height // 2, width)))
