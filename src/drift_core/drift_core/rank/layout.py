"""Weights as matrices: rows are outputs, columns are inputs times kernel taps, one matrix per group."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

SUPPORTED: tuple[type[nn.Module], ...] = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)


@dataclass(frozen=True)
class Layout:
    """How the weight of one layer maps to G matrices of N rows and K columns.

    Linear: (N, K), G = 1. Convolution: (G N, C, k...), K = C k. Transposed convolution: (G C, N, k...),
    where output channel n of a group is row n, so that a factor W = A V is a transposed convolution by V,
    then a 1x1 one by A.
    """

    kind: Literal["linear", "convolution", "transposed"]
    groups: int  # G
    rows: int  # N, outputs per group
    channels: int  # C, input channels per group
    kernel: tuple[int, ...]  # k..., () for linear

    @property
    def columns(self) -> int:
        """K."""
        return self.channels * math.prod(self.kernel)

    @property
    def max_rank(self) -> int:
        """The largest rank of one group's matrix, min(N, K)."""
        return min(self.rows, self.columns)

    def to_matrix(self, weight: Tensor) -> Tensor:
        """Return a weight with any number R of rows per group as (G, R, K)."""
        if self.kind == "transposed":
            split = weight.reshape(self.groups, self.channels, weight.shape[1], -1)  # (G, C, R, k)
            return split.transpose(1, 2).reshape(self.groups, -1, self.columns)
        return weight.reshape(self.groups, -1, self.columns)

    def to_weight(self, matrix: Tensor) -> Tensor:
        """Return (G, R, K) in the layer's own weight layout, with R rows per group."""
        rows = matrix.shape[1]
        if self.kind == "linear":
            return matrix.reshape(rows, self.columns)
        if self.kind == "convolution":
            return matrix.reshape(self.groups * rows, self.channels, *self.kernel)
        split = matrix.reshape(self.groups, rows, self.channels, -1).transpose(1, 2)  # (G, C, R, k)
        return split.reshape(self.groups * self.channels, rows, *self.kernel)


def layout_of(layer: nn.Module) -> Layout:
    """Return the layout of a supported layer."""
    if isinstance(layer, nn.Linear):
        return Layout("linear", 1, layer.out_features, layer.in_features, ())
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d):
        transposed = isinstance(layer, nn.ConvTranspose1d)
        return Layout(
            kind="transposed" if transposed else "convolution",
            groups=layer.groups,
            rows=layer.out_channels // layer.groups,
            channels=layer.in_channels // layer.groups,
            kernel=tuple(layer.kernel_size),
        )
    raise TypeError(f"{type(layer).__name__} has no layout")
