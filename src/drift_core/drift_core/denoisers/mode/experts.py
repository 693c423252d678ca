"""The experts of one block, and the ways to run those that are chosen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional


class Expert(nn.Module):
    """W_o (silu(W_g h) * W_v h), SwishGLU (Shazeer, arXiv 2002.05202)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, 2 * hidden, bias=False)  # [W_g; W_v]
        self.leave = nn.Linear(hidden, width, bias=False)  # W_o

    def forward(self, h: Tensor) -> Tensor:
        """Return (..., width)."""
        gate, value = self.enter(h).chunk(2, dim=-1)
        return self.leave(functional.silu(gate) * value)


@dataclass(frozen=True, eq=False)
class Fused:
    """Several experts as one: their hidden layers side by side."""

    enter: Tensor  # (2 n hidden, width)
    leave: Tensor  # (width, n hidden)

    def __call__(self, h: Tensor, scale: Tensor) -> Tensor:
        """Return (..., width); `scale` (n hidden,) holds the weight of each unit's expert."""
        gate, value = functional.linear(h, self.enter).chunk(2, dim=-1)
        return functional.linear(functional.silu(gate) * value * scale, self.leave)


class Experts(nn.Module):
    """The weighted sum of those experts whose weight is not 0."""

    def __init__(self, count: int, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.each = nn.ModuleList(Expert(width, hidden) for _ in range(count))

    def forward(self, h: Tensor, weights: Tensor) -> Tensor:
        """Return (B, T, width) for `h` (B, T, width) and `weights` (B, experts)."""
        if torch.onnx.is_in_onnx_export():
            return self._with_branches(h, weights)
        if h.is_cuda and len(h) == 1:  # to leave one out, the CPU would have to wait for the GPU
            return sum(
                (weights[:, n, None, None] * expert(h) for n, expert in enumerate(self.each)),
                start=torch.zeros_like(h),
            )
        out = torch.zeros_like(h)
        for n, expert in enumerate(self.each):
            rows = weights[:, n].nonzero()[:, 0]
            if len(rows) == len(h):
                out = out + weights[:, n, None, None] * expert(h)
            elif len(rows):
                out = out.index_add(0, rows, weights[rows, n, None, None] * expert(h[rows]))
        return out

    @torch.no_grad()
    def fused(self, chosen: Sequence[int]) -> Fused:
        """Return those experts as one, without gradient."""
        enters = [_matrix(expert.enter).chunk(2) for expert in self._those(chosen)]
        leaves = [_matrix(expert.leave) for expert in self._those(chosen)]
        gates, values = zip(*enters, strict=True)
        return Fused(torch.cat([*gates, *values]).contiguous(), torch.cat(leaves, dim=1).contiguous())

    def _those(self, chosen: Sequence[int]) -> list[Expert]:
        return [expert for n in chosen if isinstance(expert := self.each[n], Expert)]

    def _with_branches(self, h: Tensor, weights: Tensor) -> Tensor:
        """Return the sum for batch size 1 as a graph in which an expert is a branch that may be left out."""
        out = torch.zeros_like(h)
        for n, expert in enumerate(self._those(range(len(self.each)))):
            out = _branch()(out, weights[0, n], h, expert.enter.weight, expert.leave.weight)
        return out


def _matrix(layer: nn.Linear) -> Tensor:
    """Return the weight (N, K) that a layer without bias applies, also where that is factored."""
    some = next(layer.parameters())
    matrix: Tensor = layer(torch.eye(layer.in_features, device=some.device, dtype=some.dtype)).T
    return matrix


@cache
def _branch() -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
    # Only a scripted function keeps its branches in the exported graph; a traced one keeps what was taken.
    return torch.jit.script(_with_expert)


def _with_expert(out: Tensor, weight: Tensor, h: Tensor, enter: Tensor, leave: Tensor) -> Tensor:
    if bool(weight != 0.0):
        gate, value = functional.linear(h, enter).chunk(2, dim=-1)
        out = out + weight * functional.linear(functional.silu(gate) * value, leave)
    return out
