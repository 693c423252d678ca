"""A convolution by W0 + A V with W0 frozen: one stacked convolution [W0; V], then a 1x1 one by A.

z = conv(x, [W0; V]); P = z[N:]; y = z[:N] + A P + b. Backward, with g = dL/dy:
dA = sum g P^T;  dx = input_gradient([g; A^T g], [W0; V]);  db = sum g;  and where V trains dV =
weight_gradient(A^T g, x). The weight gradient of W0, 41-44 % of a dense step, is never formed, and x is not
kept unless V trains.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Geometry(NamedTuple):
    """The integer arguments of a convolution, one entry per spatial dimension."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    transposed: bool
    output_padding: list[int]
    groups: int


class LowRankConvolution(torch.autograd.Function):
    """Differentiable in x, A (G, N, r), V (where given) and b."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        x: Tensor,
        stack: Tensor,
        left: Tensor,
        right: Tensor | None,
        bias: Tensor | None,
        geometry: Geometry,
    ) -> Tensor:
        """Return y (B, G N, ...) for x (B, G C, ...).

        `stack` holds [W0; V] of every group in weight layout; `right` is V in weight layout when it trains,
        None when it is frozen: its values are read from the stack, into which those of a `right` are
        written. A stack in bfloat16 makes the stacked convolution run in bfloat16.
        """
        groups, rows, rank = left.shape
        if right is not None:
            _write_rows(stack, right, rows, geometry)
        compute = torch.bfloat16 if stack.dtype == torch.bfloat16 else x.dtype
        z = _convolve(x.to(compute), stack.to(compute), geometry)  # (B, G (N + r), ...)
        split = z.unflatten(1, (groups, rows + rank)).flatten(3)  # (B, G, N + r, M)
        p = split[:, :, rows:].contiguous().flatten(1, 2)  # (B, G r, M); a view of z would keep all of it
        offset = None if bias is None else bias.to(x.dtype)
        y = _mix(left.to(x.dtype), p.to(x.dtype), offset).unflatten(1, (groups, rows))
        y += split[:, :, :rows]
        y = y.view(z.shape[0], groups * rows, *z.shape[2:])
        keep_x = ctx.needs_input_grad[3]
        ctx.save_for_backward(left, p, right, x if keep_x else None)
        # Not among the saved tensors: the rows of V are written anew in each pass.
        ctx.stack, ctx.geometry, ctx.x_shape, ctx.x_dtype = stack, geometry, x.shape, x.dtype
        ctx.written = stack._version  # until somebody writes again, the rows are those of this pass
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradients of x, A, V and b."""
        left, p, right, x = ctx.saved_tensors
        stack, geometry = ctx.stack, ctx.geometry
        groups, rows, rank = left.shape
        batch, spatial = grad.shape[0], grad.shape[2:]
        if right is not None and stack._version != ctx.written:
            _write_rows(stack, right, rows, geometry)
        compute = torch.bfloat16 if stack.dtype == torch.bfloat16 else grad.dtype
        flat = grad.flatten(2)  # (B, G N, M)
        mixed = _mix(left.mT.to(flat.dtype), flat)  # A^T g, (B, G r, M)
        grad_x = grad_left = grad_right = grad_bias = None
        if ctx.needs_input_grad[0]:
            both = torch.cat([flat.unflatten(1, (groups, rows)), mixed.unflatten(1, (groups, rank))], dim=2)
            both = both.to(compute).view(batch, groups * (rows + rank), *spatial)
            grad_x = _input_gradient(both, ctx.x_shape, stack.to(compute), geometry).to(ctx.x_dtype)
        if ctx.needs_input_grad[2]:
            grad_left = _mix_gradient(flat, p.to(flat.dtype), left)
        if ctx.needs_input_grad[3]:
            reduced = mixed.view(batch, groups * rank, *spatial).to(x.dtype)
            grad_right = _weight_gradient(reduced, x, right.to(x.dtype), geometry).to(right.dtype)
        if ctx.needs_input_grad[4]:
            grad_bias = flat.sum(dim=(0, 2)).to(left.dtype)
        return grad_x, None, grad_left, grad_right, grad_bias, None


def _write_rows(stack: Tensor, right: Tensor, first: int, geometry: Geometry) -> None:
    """Write V, both in weight layout, to the rows from `first` on of every group of the stack."""
    with torch.no_grad():
        if geometry.transposed:
            stack[:, first:] = right
        else:
            split = (geometry.groups, -1)
            stack.unflatten(0, split)[:, first:] = right.unflatten(0, split)


def _convolve(x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    return torch.convolution(x, weight, None, *geometry)


def _input_gradient(grad: Tensor, shape: torch.Size, weight: Tensor, geometry: Geometry) -> Tensor:
    # Only the shape of the input is read here, so a single value stands in for all of it.
    x = grad.new_empty(1).expand(shape)
    mask = [True, False, False]
    return torch.ops.aten.convolution_backward(grad, x, weight, None, *geometry, mask)[0]


def _weight_gradient(grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    mask = [False, True, False]
    return torch.ops.aten.convolution_backward(grad, x, weight, None, *geometry, mask)[1]


def _mix(matrix: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return matrix (G, N, r) times x (B, G r, M), plus bias (G N), as (B, G N, M)."""
    groups, rows, columns = matrix.shape
    weight = matrix.reshape(groups * rows, columns, 1)
    return torch.convolution(x, weight, bias, [1], [0], [1], False, [0], groups)


def _mix_gradient(grad: Tensor, p: Tensor, matrix: Tensor) -> Tensor:
    """Return the gradient (G, N, r) of `matrix` in `_mix` for grad (B, G N, M) and p (B, G r, M)."""
    groups = matrix.shape[0]
    g, q = grad.unflatten(1, (groups, -1)), p.unflatten(1, (groups, -1))
    return torch.einsum("bgnm,bgrm->gnr", g, q).to(matrix.dtype)
