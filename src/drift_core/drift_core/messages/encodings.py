"""How the pixels of each encoding lie in an image, and what makes RGB of them."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from drift_core.errors import EncodingError


@dataclass(frozen=True)
class Encoding:
    """Layout of one encoding, and OpenCV's conversion to RGB."""

    number: type = np.uint8
    channels: int = 1  # numbers in a row for each pixel of the width
    to_rgb: int | None = None  # OpenCV's conversion code; None: RGB already, or depth
    depth: bool = False
    even: str = (
        ""  # the sides that must be even, because neighbours share a colour: "", "width", "width and height"
    )
    rows: float = 1.0  # of the data, for each row of the picture: planes of colour follow the grey one
    side_min: int = 1  # [pixel]

    def check(self, where: str, width: int, height: int) -> None:
        """Raise EncodingError for a picture (`where`) that cannot have this encoding."""
        if min(width, height) < 1:
            raise EncodingError(f"{where} has no pixels")
        if (self.even and width % 2) or (self.even == "width and height" and height % 2):
            raise EncodingError(f"{where} must have an even {self.even}: neighbours share their colour")
        if min(width, height) < self.side_min:
            raise EncodingError(f"{where} must have {self.side_min} pixels or more each way")


def _bayer(code: int) -> dict[str, Any]:
    # OpenCV leaves a mosaic of 2 pixels a side black
    return {"to_rgb": code, "side_min": 3}


# Names as in sensor_msgs/image_encodings; YUV is that of BT.601 with Y in 16..235, as cameras send it.
_BAYER = {
    "bayer_rggb": _bayer(cv2.COLOR_BayerRGGB2RGB),
    "bayer_bggr": _bayer(cv2.COLOR_BayerBGGR2RGB),
    "bayer_gbrg": _bayer(cv2.COLOR_BayerGBRG2RGB),
    "bayer_grbg": _bayer(cv2.COLOR_BayerGRBG2RGB),
}
_UYVY = Encoding(channels=2, to_rgb=cv2.COLOR_YUV2RGB_UYVY, even="width")
_YUYV = Encoding(channels=2, to_rgb=cv2.COLOR_YUV2RGB_YUY2, even="width")
_I420 = Encoding(to_rgb=cv2.COLOR_YUV2RGB_I420, even="width and height", rows=1.5)
ENCODINGS = {
    "rgb8": Encoding(channels=3),
    "bgr8": Encoding(channels=3, to_rgb=cv2.COLOR_BGR2RGB),
    "rgba8": Encoding(channels=4, to_rgb=cv2.COLOR_RGBA2RGB),
    "bgra8": Encoding(channels=4, to_rgb=cv2.COLOR_BGRA2RGB),
    "mono8": Encoding(to_rgb=cv2.COLOR_GRAY2RGB),
    "rgb16": Encoding(np.uint16, 3),
    "bgr16": Encoding(np.uint16, 3, cv2.COLOR_BGR2RGB),
    "rgba16": Encoding(np.uint16, 4, cv2.COLOR_RGBA2RGB),
    "bgra16": Encoding(np.uint16, 4, cv2.COLOR_BGRA2RGB),
    "mono16": Encoding(np.uint16, to_rgb=cv2.COLOR_GRAY2RGB),
    "8UC1": Encoding(to_rgb=cv2.COLOR_GRAY2RGB),  # nothing says what the channels are: in OpenCV's order
    "8UC3": Encoding(channels=3, to_rgb=cv2.COLOR_BGR2RGB),
    "8UC4": Encoding(channels=4, to_rgb=cv2.COLOR_BGRA2RGB),
    "yuv422": _UYVY,  # the older name
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,  # the older name
    "yuyv": _YUYV,
    "nv12": Encoding(to_rgb=cv2.COLOR_YUV2RGB_NV12, even="width and height", rows=1.5),
    "nv21": Encoding(to_rgb=cv2.COLOR_YUV2RGB_NV21, even="width and height", rows=1.5),
    "i420": _I420,
    **{f"{name}8": Encoding(np.uint8, **bayer) for name, bayer in _BAYER.items()},
    **{f"{name}16": Encoding(np.uint16, **bayer) for name, bayer in _BAYER.items()},
    "16UC1": Encoding(np.uint16, depth=True),  # [mm]
    "32FC1": Encoding(np.float32, depth=True),  # [m]
}
COLOUR = ", ".join(name for name, encoding in ENCODINGS.items() if not encoding.depth)


def decoded(pixels: np.ndarray, code: int | None) -> np.ndarray:
    """Return (H, W, 3) uint8 RGB from pixels of 8 bits, or of 16: their upper 8."""
    rgb: np.ndarray = pixels if code is None else cv2.cvtColor(pixels, code)
    return rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
