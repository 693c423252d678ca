"""A tensor that grows at its end and loses rows in between, without all of it being copied each time."""

import torch
from torch import Tensor

_SPARE = 1.25  # room that is taken when there is none left, as a share of what is needed


class Rows:
    """Rows of one shape and type; those of the first `append` decide which."""

    def __init__(self, empty: Tensor) -> None:
        """`empty` (0, ...) is shown before there are any."""
        self._buffer = empty
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def data(self) -> Tensor:
        """All rows (N, ...), as a view that is right until the next change."""
        return self._buffer[: self._size]

    def append(self, parts: list[Tensor]) -> None:
        """Add the rows of `parts`; what is here is copied only now and then."""
        size = self._size + sum(len(part) for part in parts)
        if parts and (size > len(self._buffer) or self._size == 0):
            room = size if self._size == 0 else int(size * _SPARE)
            grown = torch.empty(room, *parts[0].shape[1:], dtype=parts[0].dtype)
            if self._size:
                grown[: self._size] = self.data
            self._buffer = grown
        for part in parts:
            self._buffer[self._size : self._size + len(part)] = part
            self._size += len(part)

    def remove(self, begin: int, count: int) -> None:
        """Take out `count` rows; only those behind them move."""
        behind = self._buffer[begin + count : self._size].clone()
        self._size -= count
        self._buffer[begin : self._size] = behind
