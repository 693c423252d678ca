"""Jacobians of vector fields by automatic differentiation, and how far they are from symmetric."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Field = Callable[[Tensor], Tensor]  # (B, D) -> (B, D'), each row by itself, differentiable

EXACT_UP_TO = 64  # dimensions: beyond, asymmetry is estimated with random probes
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Asymmetry:
    """|J - J^T| / |J| in Frobenius norms: 0 of a gradient field, at most 2 (antisymmetric)."""

    value: float
    error: float  # one standard error; 0 where it is exact


def jacobian(field: Field, x: Tensor) -> Tensor:
    """Return J (D', D) of `field` at `x` (D,), exactly: row i is the gradient of output i."""
    with torch.enable_grad():
        outputs = field(x.detach()[None]).shape[1]
        rows = []
        for first in range(0, outputs, _ROWS_AT_ONCE):
            which = torch.arange(first, min(first + _ROWS_AT_ONCE, outputs), device=x.device)
            copies = x.detach().expand(len(which), -1).clone().requires_grad_()
            chosen = field(copies)[torch.arange(len(which), device=x.device), which]
            rows.append(torch.autograd.grad(chosen.sum(), copies)[0])
    return torch.cat(rows).detach()


def asymmetry(field: Field, x: Tensor, generator: torch.Generator, probes: int = 64) -> Asymmetry:
    """Return the asymmetry of the Jacobian of `field` at `x` (D,).

    Exact up to D = 64. Beyond, by Hutchinson's estimator: E |J v|^2 = |J|^2 for v of independent signs, here
    `probes` of them, with the error of a ratio of means.
    """
    if x.numel() <= EXACT_UP_TO:
        exact = jacobian(field, x)
        return Asymmetry(float((exact - exact.T).norm() / exact.norm()), 0.0)
    sign = torch.randint(0, 2, (probes, x.numel()), generator=generator) * 2 - 1
    forward, backward = products(field, x, sign.to(x))
    difference = (forward - backward).square().sum(1)  # (P,)
    size = (forward.square() + backward.square()).sum(1) / 2.0
    ratio = difference.mean() / size.mean()
    spread = (difference - ratio * size).std() / (size.mean() * math.sqrt(probes))
    value = float(ratio.sqrt())
    return Asymmetry(value, float(spread) / (2.0 * value) if value > 0.0 else 0.0)


def products(field: Field, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return J v and J^T v (P, D) of a square Jacobian at `x` (D,) for each row of `v` (P, D)."""
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # other attention is differentiable once only
        copies = x.detach().expand_as(v).clone().requires_grad_()
        out = field(copies)
        u = torch.zeros_like(v, requires_grad=True)
        pulled = torch.autograd.grad(out, copies, u, create_graph=True)[0]  # J^T u, linear in u
        forward = torch.autograd.grad(pulled, u, v, retain_graph=True)[0]
        backward = torch.autograd.grad(out, copies, v)[0]
    return forward.detach(), backward.detach()
