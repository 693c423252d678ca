"""Layers whose weight is W0 + A V: the four supported types, either dense (full rank) or factored.

A layer is modulated by giving it the matching class of this file, so that it stays the same object at the
same place, with the same geometry, bias and hooks. Dense: an ordinary trainable `weight`. Factored: `frozen`
holds the rows [W0; V] of every group in weight layout, and trainable are
- form `left`: `dA` (G, N, r); A = dA; V orthonormal and frozen, W0 is the whole weight at the last change of
rank;
- form `usv`: `U` (G, N, r), `S` (G, r), `Vh` (G, r, K); A = U diag(S), V = Vh; W0 is what those did not take.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd

from drift_core.rank.convolution import Geometry, LowRankConvolution
from drift_core.rank.halves import join_halves, split_halves
from drift_core.rank.layout import Layout, layout_of
from drift_core.rank.subspace import Subspace

Form = Literal["left", "usv"]
RankPolicy = Literal["fast", "exact"]
FORMS: tuple[Form, ...] = ("left", "usv")
POLICIES: tuple[RankPolicy, ...] = ("fast", "exact")


@dataclass(frozen=True)
class Settings:
    """What does not change with the rank."""

    form: Form
    policy: RankPolicy
    subspace: Subspace
    bfloat16: bool  # compute the frozen part in bfloat16


class Modulated(nn.Module):
    """The part that all modulated layers share."""

    settings: Settings
    layout: Layout
    requested: int  # the rank that was asked for
    rank: int  # the rank that trains; layout.max_rank when dense
    update_scale: float  # of the factors' learning rate, see change.py; 1 when dense
    # Factored only: [W0; V] per group in weight layout, and with settings.bfloat16 only the upper halves of
    # it.
    frozen: Tensor
    frozen_low: Tensor | None  # the lower halves, see halves.py
    dA: nn.Parameter  # noqa: N815 (the name in the formulas)
    U: nn.Parameter
    S: nn.Parameter
    Vh: nn.Parameter

    @property
    def dense(self) -> bool:
        """Whether the whole weight trains."""
        return "weight" in self._parameters

    @property
    def trainable(self) -> bool:
        """Whether the weight, or what there is of it, requires a gradient."""
        return self.get_parameter(self.factor_names()[0]).requires_grad

    def factor_names(self) -> tuple[str, ...]:
        """Return the names of the trainable tensors that make up the weight."""
        if self.dense:
            return ("weight",)
        return ("dA",) if self.settings.form == "left" else ("U", "S", "Vh")

    def factors(self) -> dict[str, nn.Parameter]:
        """Return the trainable tensors that make up the weight by name."""
        return {name: self.get_parameter(name) for name in self.factor_names()}

    def left(self) -> Tensor:
        """Return A (G, N, r), differentiable."""
        return self.dA if self.settings.form == "left" else self.U * self.S[:, None, :]

    def right(self) -> Tensor:
        """Return V (G, r, K) in full precision."""
        return self._frozen_rows()[:, self.layout.rows :] if self.settings.form == "left" else self.Vh

    def base(self) -> Tensor:
        """Return W0 (G, N, K) in full precision."""
        return self._frozen_rows()[:, : self.layout.rows]

    @torch.no_grad()
    def matrix(self) -> Tensor:
        """Return the weight (G, N, K) that the layer stands for, to read only: it may be a view."""
        if self.dense:
            return self.layout.to_matrix(self.get_parameter("weight").detach())
        return torch.baddbmm(self.base(), self.left(), self.right())

    def dense_matrix(self) -> Tensor:
        """Return a copy of `matrix`."""
        return self.matrix().clone() if self.dense else self.matrix()

    @torch.no_grad()
    def set_dense(self, matrix: Tensor, trainable: bool) -> None:
        """Become dense with weight `matrix` (G, N, K)."""
        self._drop_weight()
        weight = self.layout.to_weight(matrix).contiguous()
        self.register_parameter("weight", nn.Parameter(weight, requires_grad=trainable))
        self.rank, self.update_scale = self.layout.max_rank, 1.0

    @torch.no_grad()
    def set_factors(self, base: Tensor, right: Tensor, left: tuple[Tensor, ...], trainable: bool) -> None:
        """Become factored: W0 `base` (G, N, K), V `right` (G, r, K), and (dA,) or (U, S)."""
        self._drop_weight()
        stack = self.layout.to_weight(torch.cat([base, right], dim=1)).contiguous()
        low = None
        if self.settings.bfloat16:
            stack, low = split_halves(stack)
        self.register_buffer("frozen", stack)
        self.register_buffer("frozen_low", low)
        tensors = left if self.settings.form == "left" else (*left, right)
        names = ("dA",) if self.settings.form == "left" else ("U", "S", "Vh")
        for name, tensor in zip(names, tensors, strict=True):
            value = tensor.clone(memory_format=torch.contiguous_format)
            self.register_parameter(name, nn.Parameter(value, requires_grad=trainable))
        self.rank, self.update_scale = right.shape[1], 1.0

    def plain(self) -> None:
        """Go back to the ordinary class; only when dense."""
        for name in ("settings", "layout", "requested", "rank", "update_scale"):
            delattr(self, name)
        ordinary = next(plain for plain, ours in CLASSES.items() if ours is type(self))
        self.__class__ = ordinary  # type: ignore[assignment]

    def _frozen_rows(self) -> Tensor:
        stack = self.frozen if self.frozen_low is None else join_halves(self.frozen, self.frozen_low)
        return self.layout.to_matrix(stack)

    def _drop_weight(self) -> None:
        for name in ("weight", "dA", "U", "S", "Vh"):
            self._parameters.pop(name, None)
        for name in ("frozen", "frozen_low"):
            self._buffers.pop(name, None)

    def _convolve(self, x: Tensor, geometry: Geometry) -> Tensor:
        """Return the factored convolution of x (B, C, ...) or (C, ...)."""
        spatial = len(self.layout.kernel)
        single = x.ndim == spatial + 1
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        right = self.layout.to_weight(self.Vh) if self.settings.form == "usv" else None
        y = LowRankConvolution.apply(
            x[None] if single else x, self.frozen, self.left(), right, self._parameters["bias"], geometry
        )
        return y[0] if single else y


class ModulatedLinear(Modulated, nn.Linear):
    """y = x W0^T + (x V^T) A^T + b."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., N) for x (..., K)."""
        if self.dense:
            return functional.linear(x, self.weight, self.bias)
        rows = self.layout.rows
        right = self.Vh[0] if self.settings.form == "usv" else self.frozen[rows:]
        low = self.frozen.dtype
        if low == torch.bfloat16 and x.dtype == torch.float32:
            y = functional.linear(x.to(low), self.frozen[:rows]).to(x.dtype)
            y = y if self.bias is None else y + self.bias
        else:
            y = functional.linear(x, self.frozen[:rows].to(x.dtype), self.bias)
        p = functional.linear(x.to(right.dtype), right).to(x.dtype)  # (..., r)
        return y + functional.linear(p, self.left()[0])


class _ModulatedConvolution(Modulated, _ConvNd):
    """Convolutions with the weight (G N, C, k...)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what nn.Conv1d or nn.Conv2d with the layer's present weight returns."""
        if self.dense:
            return super().forward(x)
        stride, dilation = list(self.stride), list(self.dilation)
        if self.padding_mode != "zeros":
            x = functional.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = [0] * len(stride)
        elif isinstance(
            self.padding, str
        ):  # "same" may need one more on the right, which only padding first can give
            x = functional.pad(x, self._reversed_padding_repeated_twice)
            padding = [0] * len(stride)
        else:
            padding = list(self.padding)
        none = [0] * len(stride)
        return self._convolve(x, Geometry(stride, padding, dilation, False, none, self.groups))


class ModulatedConv1d(_ModulatedConvolution, nn.Conv1d):
    """nn.Conv1d by W0 + A V."""


class ModulatedConv2d(_ModulatedConvolution, nn.Conv2d):
    """nn.Conv2d by W0 + A V."""


class ModulatedConvTranspose1d(Modulated, nn.ConvTranspose1d):
    """nn.ConvTranspose1d by W0 + A V."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return what nn.ConvTranspose1d with the layer's present weight returns."""
        if self.dense:
            return super().forward(x, output_size)
        assert not isinstance(self.padding, str)
        stride, padding, dilation = list(self.stride), list(self.padding), list(self.dilation)
        extra = self._output_padding(x, output_size, stride, padding, list(self.kernel_size), 1, dilation)
        return self._convolve(x, Geometry(stride, padding, dilation, True, list(extra), self.groups))


CLASSES: dict[type[nn.Module], type[Modulated]] = {
    nn.Linear: ModulatedLinear,
    nn.Conv1d: ModulatedConv1d,
    nn.Conv2d: ModulatedConv2d,
    nn.ConvTranspose1d: ModulatedConvTranspose1d,
}


def become_modulated(layer: nn.Module, settings: Settings) -> Modulated:
    """Give a plain supported layer its modulated class, dense, at full rank; return the same object."""
    layout = layout_of(layer)
    layer.__class__ = CLASSES[type(layer)]  # type: ignore[assignment]
    assert isinstance(layer, Modulated)
    layer.settings, layer.layout = settings, layout
    layer.requested = layer.rank = layout.max_rank
    layer.update_scale = 1.0
    return layer
