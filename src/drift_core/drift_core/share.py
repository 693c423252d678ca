"""How the windows of one gradient step are divided among processes, so that their gradients add up to those
of one process.

All processes draw the same windows and the same random numbers for all of them. Each computes with its own
windows, and divides sums over them by numbers of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Total = Callable[[Tensor], Tensor]  # of a tensor in each process -> their sum, in all


def alone(value: Tensor) -> Tensor:
    """Return the total over one process."""
    return value


@dataclass(frozen=True, eq=False)
class Portion:
    """Some rows of a whole."""

    rows: Tensor  # (n,) long
    of: int  # rows of the whole

    def repeated(self, draws: int) -> "Portion":
        """Return the same where each row of the whole stands `draws` times, side by side."""
        each = torch.arange(draws, device=self.rows.device)
        return Portion((self.rows[:, None] * draws + each).flatten(), self.of * draws)

    def to(self, device: torch.device | str) -> "Portion":
        """Return the same on `device`."""
        return Portion(self.rows.to(device), self.of)


@dataclass(frozen=True, eq=False)
class Share:
    """What of a whole batch one process has."""

    windows: Portion
    frames: Portion
    total: Total = alone

    def to(self, device: torch.device | str) -> "Share":
        """Return the same on `device`."""
        return Share(self.windows.to(device), self.frames.to(device), self.total)


@dataclass(frozen=True, eq=False)
class Split:
    """Every `count`-th window of a batch goes to process `index` of so many."""

    index: int = 0
    count: int = 1
    total: Total = alone

    def rows(self, first: int, size: int) -> Tensor:
        """Return which of `size` rows are of this process; the first of them is row `first` of the batch."""
        return torch.arange(size)[(self.index - first) % self.count :: self.count]


WHOLE = Split()


def joined(shares: Sequence[Share]) -> Share:
    """Return the share of the batch that stands for several, one behind the other."""
    windows, frames = ([getattr(share, name) for share in shares] for name in ("windows", "frames"))
    return Share(_behind_each_other(windows), _behind_each_other(frames), shares[0].total)


def _behind_each_other(parts: Sequence[Portion]) -> Portion:
    rows, of = [], 0
    for part in parts:
        rows.append(part.rows + of)
        of += part.of
    return Portion(torch.cat(rows), of)
