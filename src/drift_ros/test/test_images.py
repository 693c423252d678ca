import struct
import sys
import types
import zlib

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from drift_core.errors import EncodingError
from drift_ros.images import to_array, to_compressed, to_image, to_rgb
from sensor_msgs.msg import CompressedImage, Image

STAMP = Time(sec=3, nanosec=5)
# two pixels: pure red, then pure blue
RED_BLUE = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colour_survives_the_round_trip(encoding):
    rgb = np.random.default_rng(1).integers(0, 256, (6, 5, 3), np.uint8)
    msg = to_image(rgb, encoding, STAMP, "camera")
    assert (msg.header.stamp, msg.header.frame_id, msg.height, msg.width) == (STAMP, "camera", 6, 5)
    assert np.array_equal(to_rgb(msg), rgb)


def test_the_bytes_of_bgr8_start_with_blue():
    assert list(to_image(RED_BLUE, "bgr8", STAMP, "").data) == [0, 0, 255, 255, 0, 0]
    assert list(to_image(RED_BLUE, "rgb8", STAMP, "").data) == [255, 0, 0, 0, 0, 255]
    assert list(to_image(RED_BLUE, "rgba8", STAMP, "").data) == [255, 0, 0, 255, 0, 0, 255, 255]


def test_mono8_becomes_three_equal_channels():
    grey = np.array([[7, 9], [11, 13]], np.uint8)
    rgb = to_rgb(to_image(grey, "mono8", STAMP, ""))
    assert rgb.shape == (2, 2, 3) and (rgb == grey[..., None]).all()
    assert to_array(to_image(RED_BLUE, "mono8", STAMP, "")).tolist() == [[76, 29]]  # 0.299 R, 0.114 B


@pytest.mark.parametrize(("encoding", "number"), [("16UC1", np.uint16), ("32FC1", np.float32)])
def test_depth_keeps_every_bit(encoding, number):
    depth = np.array([[0, 300], [65535, 7]], number)
    got = to_array(to_image(depth, encoding, STAMP, ""))
    assert got.dtype == number and np.array_equal(got, depth)


def test_padded_rows_and_big_endian_numbers_are_read():
    msg = Image(encoding="16UC1", height=2, width=1, step=4, is_bigendian=1)
    msg.data.frombytes(bytes([1, 2, 99, 99, 3, 4, 99, 99]))
    assert to_array(msg).tolist() == [[0x0102], [0x0304]]


def test_depth_is_not_taken_for_colour():
    with pytest.raises(EncodingError, match="encoding='16UC1' is depth, not colour; allowed: rgb8, bgr8"):
        to_rgb(to_image(np.zeros((1, 1), np.uint16), "16UC1", STAMP, ""))


def test_an_unknown_encoding_is_named_beside_the_known_ones():
    with pytest.raises(EncodingError, match="'nv24' needs cv_bridge.*known without it: rgb8, bgr8"):
        to_rgb(Image(encoding="nv24", height=1, width=1, step=1))
    with pytest.raises(EncodingError, match="encoding='yuv422' cannot be written, allowed: rgb8"):
        to_image(RED_BLUE, "yuv422", STAMP, "")


def test_a_short_image_is_refused_with_the_numbers():
    msg = Image(encoding="rgb8", height=2, width=2, step=6)
    msg.data.frombytes(bytes(7))
    with pytest.raises(EncodingError, match="image 2x2 rgb8: 2 rows of step=6 need 12 bytes, got 7"):
        to_rgb(msg)
    with pytest.raises(EncodingError, match=r"needs uint8 with 3 channel\(s\), got float64 \(1, 2, 3\)"):
        to_image(RED_BLUE.astype(float), "rgb8", STAMP, "")


def test_png_is_lossless_and_jpeg_is_close():
    rgb = cv2.resize(RED_BLUE, (64, 64), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(to_rgb(to_compressed(rgb, "png", STAMP, "c")), rgb)
    error = np.abs(to_rgb(to_compressed(rgb, "jpeg", STAMP, "c")).astype(int) - rgb)
    assert error.mean() < 10


def test_an_unreadable_compressed_image_is_refused():
    with pytest.raises(EncodingError, match="compressed image of 3 bytes, format='jpeg', is not readable"):
        to_rgb(CompressedImage(format="jpeg", data=b"abc"))
    with pytest.raises(EncodingError, match="kind='gif' must be one of jpeg, png"):
        to_compressed(RED_BLUE, "gif", STAMP, "")


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "mono8", "bayer_rggb8", "nv12"])
def test_an_image_without_pixels_is_refused(encoding):
    with pytest.raises(EncodingError, match=f"image 0x0 {encoding} has no pixels"):
        to_rgb(Image(encoding=encoding))


def test_a_header_that_announces_more_pixels_than_can_be_read_is_refused():
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    msg = CompressedImage(format="png")
    msg.data.frombytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", size) + part(b"IDAT", zlib.compress(b"\0" * 100)))
    with pytest.raises(EncodingError, match="format='png', is not readable"):
        to_rgb(msg)


def test_what_cv_bridge_cannot_read_is_refused(monkeypatch):
    class CvBridge:
        def imgmsg_to_cv2(self, msg, wanted):
            raise TypeError("buffer is too small for requested array")

    monkeypatch.setitem(sys.modules, "cv_bridge", types.SimpleNamespace(CvBridge=CvBridge))
    with pytest.raises(EncodingError, match="image 2x1 with encoding='nv24' is not readable: buffer is"):
        to_rgb(Image(encoding="nv24", width=2, height=1))
