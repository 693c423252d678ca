"""Tiny pictures whose pixels are worked out by hand, in every encoding that is decoded."""

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from drift_core.errors import EncodingError
from drift_core.messages.encodings import ENCODINGS
from drift_ros.images import to_compressed, to_image, to_rgb
from sensor_msgs.msg import CompressedImage, Image

RED, BLUE = [255, 0, 0], [0, 0, 255]
# In BT.601 Y=81 U=90 V=240 is red: R = 1.164 * (81 - 16) + 1.596 * (240 - 128) = 254,
# G = 75.7 - 0.813 * 112 + 0.391 * 38 = 0, B = 75.7 - 2.018 * 38 = 0.
# U and V exchanged: R = 75.7 - 1.596 * 38 = 15, G = 75.7 + 0.813 * 38 - 0.391 * 112 = 63,
# B = 75.7 + 2.018 * 112 = 302, cut at 255.
YUV_RED, U_AND_V_EXCHANGED = [254, 0, 0], [15, 63, 255]
Y, U, V = 81, 90, 240


def image(encoding: str, width: int, height: int, data: list[int], step: int = 0, big: int = 0) -> Image:
    msg = Image(encoding=encoding, width=width, height=height, step=step, is_bigendian=big)
    msg.data.frombytes(bytes(data))
    return msg


@pytest.mark.parametrize(
    ("encoding", "data", "pixels"),
    [
        ("8UC1", [7, 9], [[7, 7, 7], [9, 9, 9]]),
        ("8UC3", [0, 0, 255, 255, 0, 0], [RED, BLUE]),  # OpenCV's order: blue first
        ("8UC4", [0, 0, 255, 9, 255, 0, 0, 9], [RED, BLUE]),
        ("mono16", [0xFF, 0x01, 0x00, 0xAB], [[1, 1, 1], [0xAB, 0xAB, 0xAB]]),  # the upper byte comes second
        ("rgb16", [0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255], [RED, BLUE]),
        ("bgr16", [0, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0, 0], [RED, BLUE]),
        ("rgba16", [0, 255, 0, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0, 255, 9, 9], [RED, BLUE]),
        ("bgra16", [0, 0, 0, 0, 0, 255, 9, 9, 0, 255, 0, 0, 0, 0, 9, 9], [RED, BLUE]),
        ("yuyv", [Y, U, Y, V], [YUV_RED, YUV_RED]),
        ("yuv422_yuy2", [Y, V, Y, U], [U_AND_V_EXCHANGED, U_AND_V_EXCHANGED]),
        ("uyvy", [U, Y, V, Y], [YUV_RED, YUV_RED]),
        # Y=235: 254.9 + 178.8, 254.9 - 91.1 + 14.9, 254.9 - 76.7
        ("yuv422", [U, 235, V, Y], [[255, 179, 178], YUV_RED]),
    ],
)
def test_two_pixels_beside_each_other(encoding, data, pixels):
    got = to_rgb(image(encoding, 2, 1, data))
    assert (got.shape, got.dtype) == ((1, 2, 3), np.uint8)
    assert got[0].tolist() == pixels


def test_the_upper_byte_of_big_endian_numbers_comes_first():
    assert to_rgb(image("mono16", 2, 1, [0x01, 0xFF, 0xAB, 0x00], big=1))[0, :, 0].tolist() == [1, 0xAB]
    assert to_rgb(image("bgr16", 1, 1, [1, 0, 2, 0, 3, 0], big=1)).tolist() == [[[3, 2, 1]]]


@pytest.mark.parametrize(
    ("encoding", "colour", "pixel"),
    [
        ("nv12", [U, V], YUV_RED),
        ("nv21", [V, U], YUV_RED),
        ("nv12", [V, U], U_AND_V_EXCHANGED),
        ("i420", [U, V], YUV_RED),
    ],
)
def test_four_pixels_share_the_colour_of_a_plane_behind(encoding, colour, pixel):
    assert to_rgb(image(encoding, 2, 2, [Y, Y, Y, Y, *colour])).tolist() == [[pixel] * 2] * 2


def test_padded_rows_of_planes_are_cut_off():
    padded = [Y, Y, 0, 0] * 2
    assert to_rgb(image("nv12", 2, 2, [*padded, U, V, 0, 0], step=4)).tolist() == [[YUV_RED] * 2] * 2
    assert to_rgb(image("i420", 2, 2, [*padded, U, 0, V, 0], step=4)).tolist() == [[YUV_RED] * 2] * 2


@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize(("bits", "big"), [(8, 0), (16, 0), (16, 1)])
def test_a_mosaic_of_one_colour_becomes_that_colour(order, bits, big):
    value = {"r": 200, "g": 100, "b": 50}
    tile = np.array([[value[order[0]], value[order[1]]], [value[order[2]], value[order[3]]]])
    mosaic = np.tile(tile, (2, 2))
    numbers = mosaic.astype(np.uint8) if bits == 8 else (mosaic * 256 + 77).astype(">u2" if big else "<u2")
    got = to_rgb(image(f"bayer_{order}{bits}", 4, 4, list(numbers.tobytes()), big=big))
    assert (got == [200, 100, 50]).all() and got.shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("msg", "reason"),
    [
        (image("rgb8", 2, 2, [0] * 12, step=1), "2x2 rgb8: step=1 must be the 6 bytes of a row, or more"),
        (image("rgb16", 2, 2, [0] * 24, step=6), "step=6 must be the 12 bytes of a row, or more"),
        (image("mono8", 2, 3, [0] * 11, step=4), "2x3 mono8: 3 rows of step=4 need 12 bytes, got 11"),
        (image("nv12", 2, 2, [0] * 4), "2x2 nv12: 3 rows of step=2 need 6 bytes, got 4"),
        (image("yuyv", 3, 1, [0] * 6), "3x1 yuyv must have an even width"),
        (image("nv21", 2, 3, [0] * 9), "2x3 nv21 must have an even width and height"),
        (image("i420", 2, 2, [0] * 9, step=3), "2x2 i420: step=3 must be even"),
        (image("bayer_rggb8", 2, 2, [0] * 4), "2x2 bayer_rggb8 must have 3 pixels or more each way"),
        (image("32FC1", 1, 1, [0] * 4), "encoding='32FC1' is depth, not colour; allowed: rgb8, "),
    ],
)
def test_what_cannot_be_decoded_is_refused_for_the_true_reason(msg, reason):
    with pytest.raises(EncodingError, match=reason):
        to_rgb(msg)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "16UC1", "32FC1"])
def test_step_zero_stands_for_rows_without_padding(encoding):
    number, channels = ENCODINGS[encoding].number, ENCODINGS[encoding].channels
    array = np.ones((1, 1, 3) if channels > 1 else (1, 1), number)
    assert to_image(array, encoding, Time(), "").step == channels * np.dtype(number).itemsize


def compressed(format: str, pixels: list, number: type, kind: str = ".png") -> CompressedImage:
    msg = CompressedImage(format=format)
    msg.data.frombytes(cv2.imencode(kind, np.array(pixels, number))[1].tobytes())
    return msg


@pytest.mark.parametrize(
    "format",
    ["16UC1; png compressed ", "16UC1; compressedDepth png", "32FC1; compressedDepth rvl", "32FC1; png"],
)
def test_compressed_depth_is_not_taken_for_colour(format):
    with pytest.raises(EncodingError, match=f"format='{format}' is depth, not colour; allowed: rgb8, "):
        to_rgb(compressed(format, [[300, 65535]], np.uint16))


@pytest.mark.parametrize("format", ["png", "", "png; png compressed"])
def test_compressed_grey_of_16_bits_must_say_what_it_is(format):
    with pytest.raises(EncodingError, match="does not say whether 16-bit grey is depth or mono16"):
        to_rgb(compressed(format, [[300, 65535]], np.uint16))


def test_compressed_grey_and_colour_of_16_bits_keep_their_upper_byte():
    grey = compressed("mono16; png compressed ", [[0x1234, 0xFFFF]], np.uint16)
    assert to_rgb(grey)[0].tolist() == [[0x12] * 3, [0xFF] * 3]
    colour = compressed("rgb16; png compressed bgr16", [[[0x0300, 0x0200, 0x0100]]], np.uint16)
    assert to_rgb(colour).tolist() == [[[1, 2, 3]]]


def test_the_order_of_colours_in_a_compressed_image_is_the_announced_one():
    written_as_blue = [[[255, 0, 0]]]  # OpenCV's order when it writes
    for format in ("png", "rgb8; png compressed bgr8", "bgr8; png compressed bgr8", "rgba8; png compressed "):
        assert to_rgb(compressed(format, written_as_blue, np.uint8)).tolist() == [[BLUE]]
    assert to_rgb(compressed("rgb8; png compressed rgb8", written_as_blue, np.uint8)).tolist() == [[RED]]


def test_a_compressed_mosaic_is_one_still():
    mosaic = np.tile([[200, 100], [100, 50]], (2, 2))
    got = to_rgb(compressed("bayer_rggb8; png compressed ", mosaic.tolist(), np.uint8))
    assert (got == [200, 100, 50]).all()
    with pytest.raises(EncodingError, match="compressed image 2x2 bayer_rggb8 must have 3 pixels or more"):
        to_rgb(compressed("bayer_rggb8; png compressed ", [[1, 2], [3, 4]], np.uint8))


def test_grey_jpeg_and_alpha_are_read():
    assert to_rgb(compressed("jpeg", [[9] * 8] * 8, np.uint8, ".jpg"))[0, 0].tolist() == [9, 9, 9]
    assert to_rgb(compressed("png", [[[1, 2, 3, 100]]], np.uint8)).tolist() == [[[3, 2, 1]]]
    assert to_rgb(to_compressed(np.array([[RED, BLUE]], np.uint8), "png", Time(), "")).tolist() == [
        [RED, BLUE]
    ]
