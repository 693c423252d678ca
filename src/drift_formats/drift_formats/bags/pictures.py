"""Pictures in a bag."""

from typing import Any

import numpy as np
from drift_core.errors import DataError
from drift_core.messages.images import decompressed, to_rgb

from drift_formats.bags.storages import BagMessage

_RAW, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


def to_picture(message: BagMessage, msg: Any) -> np.ndarray:
    """Return (H, W, 3) uint8 RGB; EncodingError without colour in it, DataError for no picture at all."""
    match message.topic.type.name:
        case name if name == _RAW:
            return to_rgb(msg)
        case name if name == _COMPRESSED:
            return decompressed(msg)
        case name:
            raise DataError(f"{message.topic}: {name} must be {_RAW} or {_COMPRESSED}")
