"""Messages between processes: they come as they went, and nothing else is taken for one."""

import io
import json
import struct

import numpy as np
import pytest
from drift_sim.environments.wire import ARRAYS_MAX, HEADER_MAX, Message, WireError, encode, receive


def sent(data):
    return receive(io.BytesIO(data).read)


def header(**entries):
    text = json.dumps({"kind": "x", "fields": {}, "arrays": [], **entries}).encode()
    return struct.pack("<I", len(text)) + text


def array(dtype, shape):
    return header(arrays=[{"name": "a", "dtype": dtype, "shape": shape}])


def test_a_message_comes_as_it_went():
    image, state = np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.array([0.1, -2.0])
    got = sent(encode(Message("step", {"success": True}, {"image": image[:, ::-1], "state": state})))
    assert (got.kind, got.fields) == ("step", {"success": True})
    np.testing.assert_array_equal(got.arrays["image"], image[:, ::-1])
    np.testing.assert_array_equal(got.arrays["state"], state)
    assert sent(encode(Message("x", arrays={"none": np.zeros((0, 3))}))).arrays["none"].shape == (0, 3)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (struct.pack("<I", HEADER_MAX + 1), "at most 65536 bytes, got 65537"),
        (struct.pack("<I", 3) + b"{x}", "must be JSON"),
        (header(kind=3), "kind must be a text"),
        (
            array("object", [1]),
            "must be of uint8, float32, float64",
        ),
        (array("float64", [-1]), "got float64"),
        (array("float64", [True]), "got float64"),
        (
            array("uint8", [ARRAYS_MAX + 1]),
            "at most 67108864 bytes",
        ),
        (array("uint8", [2**40, 2**40]), "at most 67108864 bytes"),
    ],
)
def test_what_is_no_message_is_refused_before_anything_is_reserved(data, why):
    with pytest.raises(WireError, match=why):
        sent(data)


def test_only_plain_numbers_are_sent():
    with pytest.raises(WireError, match="array a must be of uint8, float32, float64, got object"):
        encode(Message("x", arrays={"a": np.array([None])}))
