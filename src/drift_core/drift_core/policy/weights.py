"""The tensors of a policy as a checkpoint holds them: plain, or with layers as W0 + A V (docs/drift.md §2).

A plain tensor stands under the name that it has in the policy. For a factored layer W0 stands where the
weight would, and beside it the directions V as `<weight>.right` (G, r, K) and the left factor A as
`<weight>.left` (G, N, r). A digest is taken over names, types, shapes and bytes of these, before any
arithmetic: merged weights differ in their last bits between processors.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from drift_core.errors import CheckpointError
from drift_core.rank.layout import SUPPORTED, Layout, layout_of

RIGHT, LEFT = ".right", ".left"


@dataclass(frozen=True, eq=False)
class Factors:
    """One layer of form `left` with its averaged left factor."""

    base: Tensor  # W0 (G, N, K)
    right: Tensor  # V (G, r, K)
    left: Tensor  # A (G, N, r)

    def matrix(self) -> Tensor:
        """Return the weight (G, N, K)."""
        return torch.baddbmm(self.base, self.left, self.right)


@dataclass(frozen=True, eq=False)
class Weights:
    """Tensors by name, on the CPU, never changed in place; `known`: digests of some of them."""

    tensors: dict[str, Tensor]
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def factored(self) -> list[str]:
        """Return the names of the weights that are kept as factors."""
        return [key.removesuffix(LEFT) for key in self.tensors if key.endswith(LEFT)]

    @property
    def frozen(self) -> set[str]:
        """Return the names of W0 and V of every factored layer, which only a change of directions changes."""
        return {key for name in self.factored for key in (name, name + RIGHT)}

    @property
    def size_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @cached_property
    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of every tensor with its name, type and shape."""
        return {name: self.known.get(name) or _digest(name, tensor) for name, tensor in self.tensors.items()}

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of all tensors."""
        return digest_of(self.digests)

    def merged(self, layouts: Mapping[str, Layout]) -> dict[str, Tensor]:
        """Return the state that the policy computes with, in memory of its own.

        `layouts`: those of `weight_layouts`.
        """
        result = {}
        for name in set(self.tensors) - {name + part for name in self.factored for part in (RIGHT, LEFT)}:
            if name + LEFT in self.tensors:
                layout = layouts[name]
                base, right, left = (self.tensors[name + part] for part in ("", RIGHT, LEFT))
                matrix = Factors(layout.to_matrix(base), right, left).matrix()
                result[name] = layout.to_weight(matrix).contiguous()
            else:
                result[name] = self.tensors[name].clone()
        return result


def policy_weights(state: Mapping[str, Tensor], factors: Mapping[str, Factors], module: nn.Module) -> Weights:
    """Return the tensors of the state of the plain `module`, of which `factors` are kept as such."""
    layouts, tensors = weight_layouts(module), dict(state)
    for name, kept in factors.items():
        tensors[name] = layouts[name].to_weight(kept.base)
        tensors[name + RIGHT], tensors[name + LEFT] = kept.right, kept.left
    # copies: what is trained on goes on changing
    copies = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    return Weights(copies)


def weight_layouts(module: nn.Module) -> dict[str, Layout]:
    """Return the layouts of all weights of `module` that may be factored, by their names."""
    return {
        f"{name}.weight": layout_of(layer)
        for name, layer in module.named_modules()
        if isinstance(layer, SUPPORTED)
    }


def expected_tensors(found: Mapping[str, Tensor], plain: nn.Module) -> dict[str, Tensor]:
    """Return tensors without memory of the names, shapes and types that `found` must have.

    `plain`: the policy without memory. The rank of a factored layer is that of its left factor, if it may be.
    """
    expected = dict(plain.state_dict())
    for name, layout in weight_layouts(plain).items():
        if name + LEFT not in found and name + RIGHT not in found:
            continue
        left = found.get(name + LEFT)
        rank = left.shape[-1] if left is not None and left.ndim else 1
        rank = min(max(rank, 1), layout.max_rank)
        meta = expected[name]
        expected[name + RIGHT] = meta.new_empty(layout.groups, rank, layout.columns)
        expected[name + LEFT] = meta.new_empty(layout.groups, layout.rows, rank)
    return expected


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of tensors whose digests are given by name, whatever their order."""
    lines = [f"{name} {digests[name]}\n" for name in sorted(digests)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(name: str, tensor: Tensor) -> str:
    sha256 = hashlib.sha256(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
    sha256.update(tensor.reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return sha256.hexdigest()


def tensor_faults(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], optional: Collection[str] = ()
) -> list[str]:
    """Return in words which keys are missing, though not `optional`, or unknown, and which tensors are of
    another shape or type than `expected`, or not finite."""
    faults = [f"key {key!r} is missing" for key in expected if key not in tensors and key not in optional]
    faults += [f"key {key!r} is unknown" for key in tensors if key not in expected]
    for key, want in expected.items():  # in their order; a file's own order is arbitrary
        if (got := tensors.get(key)) is None:
            continue
        if (got.shape, got.dtype) != (want.shape, want.dtype):
            faults.append(
                f"{key!r} must be {tuple(want.shape)} {want.dtype}, got {tuple(got.shape)} {got.dtype}"
            )
        elif got.is_floating_point() and not bool(torch.isfinite(got).all()):
            faults.append(f"{key!r} must be finite")
    return faults


def refuse_faults(source: str, faults: list[str]) -> None:
    """Raise a CheckpointError that names the first few `faults` of `source`, if there are any."""
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise CheckpointError(f"{source}: {'; '.join(faults[:5])}{more}")
