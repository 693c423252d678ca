"""Images as they are stored: PNG, without loss, or JPEG of a high quality."""

import threading
from collections.abc import Callable
from typing import Annotated, Literal, get_args

import cv2
import numpy as np
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.errors import DataError

ImageFormat = Literal["png", "jpeg"]
FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)
# One filter for all lines: at most two thirds of the time that the choice among all takes, to decode as well.
# Runs only: 15 % smaller and a quarter faster with the noise of a camera, 8 to 19 % larger without.
_PNG = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
]


@dataclass(frozen=True, config=STRICT)
class ImageEncoding:
    """How images are encoded; PNG loses nothing."""

    format: ImageFormat = "png"
    # With full resolution of the colours (4:4:4); 98: 43 dB where the noise of the camera is 2 of 255 levels.
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 98

    def encode(self, image: np.ndarray) -> bytes:
        """Encode (H, W, 3) uint8 RGB; DataError where that cannot be done."""
        done, data = cv2.imencode(*self._how(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)))
        if not done:
            raise DataError(f"an image {image.shape} cannot be encoded as {self.format}")
        return data.tobytes()

    def _how(self, bgr: np.ndarray) -> tuple[str, np.ndarray, list[int]]:
        if self.format == "png":
            return ".png", bgr, _PNG
        colours = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return ".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality, *colours]


LOSSLESS = ImageEncoding()


class Picture:
    """An image that is encoded when that is first asked for, by whichever thread, and once for all."""

    def __init__(self, image: np.ndarray, encoding: ImageEncoding, expected_bytes: int) -> None:
        """`image` (H, W, 3) uint8 RGB must stay as it is; `expected_bytes`: about what it will take."""
        self.format: ImageFormat = encoding.format
        self._encode: Callable[[], bytes] | None = lambda: encoding.encode(image)
        self._encoding = threading.Lock()
        self._data = b""
        self._expected_bytes = expected_bytes
        self.memory_bytes = image.nbytes
        """what it takes until it is encoded"""

    @property
    def size_bytes(self) -> int:
        """Return the size when encoded, before that about what it will be."""
        return len(self._data) or self._expected_bytes

    def data(self) -> bytes:
        """Return the image, encoded."""
        with self._encoding:
            if self._encode is not None:
                self._data = self._encode()
                self._encode = None  # and with it the image
            return self._data


def decode(data: bytes | memoryview, format: str) -> np.ndarray:
    """Return an image (H, W, 3) uint8 RGB; DataError for what is none, or of a format that there is not."""
    if format not in FORMATS:
        raise DataError(f"encoding={format!r} must be one of: {', '.join(FORMATS)}")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if len(data) else None
    if image is None:
        raise DataError(f"{format} cannot be decoded ({len(data)} bytes)")
    return image
