"""Frames that do not fit into memory are decoded when they are drawn, and batches are the same."""

import numpy as np
import pytest
import torch
from drift_core.data.pictures import PictureMemory, Pictures
from drift_core.episodes.images import LOSSLESS
from drift_core.episodes.record import Frames
from drift_core.errors import DataError

SIZE = 4 * 5 * 3  # bytes of an image


def frames(values):
    """Frames of 4x5 pixels, each of one value."""
    images = np.stack([np.full((4, 5, 3), value, np.uint8) for value in values])
    n = np.arange(len(values)) / 10
    return Frames(n, n, [LOSSLESS.encode(image) for image in images], ["png"] * len(values), "top.arrow")


def pictures(memory, *parts):
    made = Pictures(memory)
    for values in parts:
        made.append(frames(values), frames(values).images())
    return made


def shown(made, rows=None):
    """The value of each of the images."""
    images = made.select(torch.arange(len(made)) if rows is None else torch.tensor(rows))
    assert images.shape[1:] == (3, 4, 5) and images.dtype == torch.uint8
    assert (images == images[:, :1, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


def test_what_does_not_fit_stays_on_the_disk_and_looks_the_same():
    memory = PictureMemory(5 * SIZE)
    made = pictures(memory, [1, 2, 3], [4, 5, 6], [7, 8])
    assert (made.on_disk, memory.used_bytes) == (3, 5 * SIZE), "4, 5 and 6 found no room"
    assert shown(made) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert shown(made, [5, 0, 7, 3, 3]) == [6, 1, 8, 4, 4]
    assert shown(made, [3, 4]) == [4, 5] and shown(made, [6, 1]) == [7, 2]


def test_room_that_becomes_free_is_used_again():
    memory = PictureMemory(4 * SIZE)
    made = pictures(memory, [1, 2], [3, 4], [5, 6])
    made.remove(0, 2)
    assert (shown(made), made.on_disk, memory.used_bytes) == ([3, 4, 5, 6], 2, 2 * SIZE)
    made.append(frames([7, 8]), frames([7, 8]).images())
    made.remove(2, 2)  # those on the disk
    assert (shown(made), made.on_disk, memory.used_bytes) == ([3, 4, 7, 8], 0, 4 * SIZE)


def test_two_that_share_a_memory_share_its_limit():
    memory = PictureMemory(3 * SIZE)
    assert [pictures(memory, [1, 2]).on_disk, pictures(memory, [3, 4]).on_disk] == [0, 2]


def test_without_memory_all_is_decoded_by_as_many_threads_as_torch_has():
    made = pictures(PictureMemory(0), range(40))
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert shown(made) == list(range(40))
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_and_goes_is_what_a_list_would_hold(seed):
    draw = np.random.default_rng(seed)
    memory, made, parts = PictureMemory(30 * SIZE), None, []
    made = Pictures(memory)
    for _ in range(60):
        if parts and draw.random() < 0.45:
            at = int(draw.integers(len(parts)))
            made.remove(sum(map(len, parts[:at])), len(parts.pop(at)))
        else:
            parts.append(draw.integers(0, 256, int(draw.integers(1, 9))).tolist())
            made.append(frames(parts[-1]), frames(parts[-1]).images())
        assert memory.used_bytes <= 30 * SIZE
        assert memory.used_bytes == SIZE * (len(made) - made.on_disk)
        if parts:
            assert shown(made) == sum(parts, [])


def test_a_frame_that_was_damaged_since_is_named():
    made = pictures(PictureMemory(0), [1, 2])
    recorded, _ = made._on_disk[-2]
    recorded.encoded[1] = b"x"
    with pytest.raises(DataError, match=r"top\.arrow: frame stamped 0\.1.*: png cannot be decoded"):
        made.select(torch.tensor([1]))


@pytest.mark.parametrize("limit, value", [("_BLOCK_BYTES", 3 * SIZE), ("_BLOCK_ROWS", 3)])
def test_many_blocks_are_one(monkeypatch, limit, value):
    monkeypatch.setattr(f"drift_core.data.pictures.{limit}", value)
    made = pictures(PictureMemory(100 * SIZE), [1, 2], [3, 4, 5, 6, 7, 8, 9], [10])
    assert shown(made) == list(range(1, 11)) and shown(made, [9, 0, 4, 4]) == [10, 1, 5, 5]
    assert [len(block) for block in made._blocks._blocks] == [3, 3, 3, 3]
    made.remove(2, 7)
    made.append(frames([11, 12, 13, 14, 15]), frames([11, 12, 13, 14, 15]).images())
    assert shown(made) == [1, 2, 10, 11, 12, 13, 14, 15]
