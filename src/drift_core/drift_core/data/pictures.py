"""The frames of one camera in a data set: decoded in memory as far as there is room, the others on the disk.

A batch draws its windows at random, so that it does not matter which frames are in memory, only how many.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from drift_core.data.rows import Rows
from drift_core.episodes.record import Frames

_BLOCK_BYTES = 64 << 20
_BLOCK_ROWS = 4096  # of small images


class PictureMemory:
    """How many bytes of decoded frames are kept, by all that share this."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.used_bytes = limit_bytes, 0
        self.refused = False  # whether somebody found no room

    @property
    def full(self) -> str:
        """What it means that somebody found no room, in words."""
        limit = f"image_memory_mb={self.limit_bytes >> 20}"
        return f"{limit} is full: the other frames are decoded whenever they are drawn"

    def take(self, size_bytes: int) -> bool:
        """Take room; False, and nothing is taken, where there is not enough."""
        fits = self.used_bytes + size_bytes <= self.limit_bytes
        self.used_bytes += size_bytes if fits else 0
        self.refused |= not fits
        return fits

    def give_back(self, size_bytes: int) -> None:
        """Let others have room that was taken."""
        self.used_bytes -= size_bytes


class Pictures:
    """Rows of images, (K, 3, H, W) uint8 RGB."""

    def __init__(self, memory: PictureMemory) -> None:
        self._memory = memory
        self.size = 0, 0  # height and width [pixel], once there is one
        self._blocks = _Blocks()
        self._places = Rows(torch.zeros(0, dtype=torch.long))  # (K,) rows of the blocks; below 0: on the disk
        self._on_disk: dict[int, tuple[Frames, int]] = {}  # by place
        self._next_place = -1

    def __len__(self) -> int:
        return len(self._places)

    @property
    def on_disk(self) -> int:
        """Rows that are decoded each time they are asked for."""
        return len(self._on_disk)

    def append(self, frames: Frames, images: np.ndarray) -> None:
        """Add frames (M) with their images (M, H, W, 3), which are kept only if there is room.

        All are of one size.
        """
        self.size = images.shape[1], images.shape[2]
        if self._memory.take(images.nbytes):
            places = self._blocks.put(torch.from_numpy(images).permute(0, 3, 1, 2))
        else:
            places = self._next_place - torch.arange(len(frames))
            self._on_disk |= {place: (frames, row) for row, place in enumerate(places.tolist())}
            self._next_place -= len(frames)
        self._places.append([places])

    def remove(self, begin: int, count: int) -> None:
        """Take out `count` rows; those behind them move up."""
        places = self._places.data[begin : begin + count].tolist()
        self._places.remove(begin, count)
        for place in places:
            self._on_disk.pop(place, None)
        self._memory.give_back(self._blocks.free([place for place in places if place >= 0]))

    def select(self, rows: Tensor) -> Tensor:
        """Return the images (M, 3, H, W) of `rows` (M,); DataError where one cannot be decoded any more.

        Those on the disk are decoded by as many threads as torch has.
        """
        places = self._places.data[rows]
        if not self._on_disk:
            return self._blocks.select(places)
        absent = torch.nonzero(places < 0).flatten()
        images = _decode([self._on_disk[place] for place in places[absent].tolist()])
        selected = torch.empty(len(places), 3, *self.size, dtype=torch.uint8)
        for row, image in zip(absent.tolist(), images, strict=True):
            selected[row] = torch.from_numpy(image).permute(2, 0, 1)
        present = torch.nonzero(places >= 0).flatten()
        if len(present):
            selected[present] = self._blocks.select(places[present])
        return selected


class _Blocks:
    """Images in memory, which never move: neither growth nor removal copies what is here."""

    def __init__(self) -> None:
        self._blocks: list[Tensor] = []  # each (B, 3, H, W)
        self._free: list[int] = []  # rows, the next one last

    def put(self, images: Tensor) -> Tensor:
        """Copy images (M, 3, H, W), all of one size; return the rows (M,) where they are."""
        while len(self._free) < len(images):
            per_block = min(max(1, _BLOCK_BYTES // images[0].numel()), _BLOCK_ROWS)
            first = len(self._blocks) * per_block
            self._blocks.append(torch.empty(per_block, *images.shape[1:], dtype=torch.uint8))
            self._free[:0] = range(first + per_block - 1, first - 1, -1)
        rows = [self._free.pop() for _ in range(len(images))]
        for row, image in zip(rows, images, strict=True):
            block, at = divmod(row, len(self._blocks[0]))
            self._blocks[block][at] = image
        return torch.tensor(rows, dtype=torch.long)

    def free(self, rows: Sequence[int]) -> int:
        """Let these rows be used again; return how many bytes they are."""
        self._free += rows
        return len(rows) * self._blocks[0][0].numel() if rows else 0

    def select(self, rows: Tensor) -> Tensor:
        """Return the images (M, 3, H, W) of `rows`."""
        if not self._blocks:
            return torch.zeros(len(rows), 3, 0, 0, dtype=torch.uint8)
        # index_select copies whole images, which indexing by a tensor does a number at a time
        if len(self._blocks) == 1:
            return self._blocks[0].index_select(0, rows)
        selected = torch.empty(len(rows), *self._blocks[0].shape[1:], dtype=torch.uint8)
        block = rows // len(self._blocks[0])
        for number in block.unique().tolist():
            here = torch.nonzero(block == number).flatten()
            images = self._blocks[number].index_select(0, rows[here] % len(self._blocks[0]))
            selected.index_copy_(0, here, images)
        return selected


def _decode(wanted: Sequence[tuple[Frames, int]]) -> list[np.ndarray]:
    threads = torch.get_num_threads()
    if threads == 1 or len(wanted) < 2 * threads:
        return [frames.image(row) for frames, row in wanted]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda place: place[0].image(place[1]), wanted))
