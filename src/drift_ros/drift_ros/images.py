"""Images between messages and NumPy arrays, without cv_bridge for the common encodings.

Colour arrays of the pure code are (H, W, 3) uint8 RGB; depth arrays (H, W) uint16 [mm] or float32 [m].
"""

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image

from drift_ros.errors import EncodingError

# encoding: (number type, channels)
_LAYOUT = {
    "rgb8": (np.uint8, 3),
    "bgr8": (np.uint8, 3),
    "rgba8": (np.uint8, 4),
    "bgra8": (np.uint8, 4),
    "mono8": (np.uint8, 1),
    "16UC1": (np.uint16, 1),
    "32FC1": (np.float32, 1),
}
_TO_RGB = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
}
_FROM_RGB = {
    "bgr8": cv2.COLOR_RGB2BGR,
    "rgba8": cv2.COLOR_RGB2RGBA,
    "bgra8": cv2.COLOR_RGB2BGRA,
    "mono8": cv2.COLOR_RGB2GRAY,
}
_COMPRESSED = {"jpeg": ".jpg", "png": ".png"}


def to_array(msg: Image) -> np.ndarray:
    """Return the pixels as they are, (H, W) or (H, W, C); read-only and without a copy where possible."""
    if msg.encoding not in _LAYOUT:
        return _by_cv_bridge(msg, "passthrough")
    number, channels = _LAYOUT[msg.encoding]
    item = np.dtype(number).newbyteorder(">" if msg.is_bigendian else "<")
    row_bytes = msg.width * channels * item.itemsize
    step = msg.step or row_bytes
    if step < row_bytes or len(msg.data) < step * msg.height:
        raise EncodingError(
            f"image {msg.width}x{msg.height} {msg.encoding} with step={msg.step} needs "
            f"{row_bytes * msg.height} bytes, got {len(msg.data)}"
        )
    rows = np.frombuffer(msg.data, np.uint8, step * msg.height).reshape(msg.height, step)
    pixels = np.ascontiguousarray(rows[:, :row_bytes]).view(item).astype(number, copy=False)
    return pixels.reshape(msg.height, msg.width, channels) if channels > 1 else pixels


def to_rgb(msg: Image | CompressedImage) -> np.ndarray:
    """Return a colour or grey image as (H, W, 3) uint8 RGB; EncodingError for depth and for broken images."""
    if isinstance(msg, CompressedImage):
        return _decompress(msg)
    if msg.encoding == "rgb8" or msg.encoding in _TO_RGB:
        pixels = to_array(msg)
        if pixels.size == 0:
            raise EncodingError(f"image {msg.width}x{msg.height} {msg.encoding} has no pixels")
        return pixels if msg.encoding == "rgb8" else cv2.cvtColor(pixels, _TO_RGB[msg.encoding])
    if msg.encoding in _LAYOUT:
        raise EncodingError(
            f"encoding={msg.encoding!r} is depth, not colour; allowed: rgb8, {', '.join(_TO_RGB)}"
        )
    return _by_cv_bridge(msg, "rgb8")


def to_image(array: np.ndarray, encoding: str, stamp: Time, frame_id: str) -> Image:
    """Return an Image of `array`: (H, W, 3) RGB for a colour encoding or mono8, else (H, W)."""
    if encoding not in _LAYOUT:
        raise EncodingError(f"encoding={encoding!r} cannot be written, allowed: {', '.join(_LAYOUT)}")
    if encoding in _FROM_RGB and array.ndim == 3:
        array = cv2.cvtColor(array, _FROM_RGB[encoding])
    number, channels = _LAYOUT[encoding]
    if array.dtype != number or array.shape[2:] != ((channels,) if channels > 1 else ()):
        raise EncodingError(
            f"encoding={encoding!r} needs {np.dtype(number)} with {channels} channel(s), "
            f"got {array.dtype} {array.shape}"
        )
    msg = Image(encoding=encoding, height=array.shape[0], width=array.shape[1])
    msg.header.stamp, msg.header.frame_id = stamp, frame_id
    msg.step = array.shape[1] * channels * array.itemsize
    # frombytes takes 0.02 ms for 640x480, assigning bytes 0.8 ms, assigning an array 66 ms
    msg.data.frombytes(np.ascontiguousarray(array).view(np.uint8).data)
    return msg


def to_compressed(rgb: np.ndarray, kind: str, stamp: Time, frame_id: str) -> CompressedImage:
    """Return (H, W, 3) uint8 RGB as a "jpeg" or "png" CompressedImage."""
    if kind not in _COMPRESSED:
        raise EncodingError(f"kind={kind!r} must be one of {', '.join(_COMPRESSED)}")
    done, coded = cv2.imencode(_COMPRESSED[kind], cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not done:
        raise EncodingError(f"an array {rgb.dtype} {rgb.shape} could not be compressed as {kind}")
    msg = CompressedImage(format=f"rgb8; {kind} compressed bgr8")
    msg.header.stamp, msg.header.frame_id = stamp, frame_id
    msg.data.frombytes(coded.tobytes())
    return msg


def _decompress(msg: CompressedImage) -> np.ndarray:
    data = np.frombuffer(msg.data, np.uint8)
    unreadable = f"a compressed image of {data.size} bytes, format={msg.format!r}, is not readable"
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:  # for instance a header that announces more pixels than are allowed
        raise EncodingError(f"{unreadable}: {error}") from error
    if bgr is None:
        raise EncodingError(f"{unreadable}; allowed: jpeg, png")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def _by_cv_bridge(msg: Image, wanted: str) -> np.ndarray:
    """Hand the rare encodings (Bayer, YUV) to cv_bridge where it is installed."""
    try:
        from cv_bridge import CvBridge
    except ImportError as error:
        raise EncodingError(
            f"encoding={msg.encoding!r} needs cv_bridge, which is not importable ({error}); "
            f"known without it: {', '.join(_LAYOUT)}"
        ) from error
    try:
        return CvBridge().imgmsg_to_cv2(msg, wanted)
    except (cv2.error, RuntimeError, TypeError, ValueError) as error:  # CvBridgeError is a TypeError
        raise EncodingError(
            f"image {msg.width}x{msg.height} with encoding={msg.encoding!r} is not readable: {error}"
        ) from error
