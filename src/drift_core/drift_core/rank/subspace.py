"""Which directions train: orthonormal rows that span the top, or a random, part of a matrix's row space."""

from typing import Literal

import torch
from torch import Tensor

Subspace = Literal["top", "random"]
_GRAM_BLOCK = 256  # rows


def top_rows(matrix: Tensor, rank: int) -> Tensor:
    """Return the first `rank` right singular vectors of `matrix` (G, N, K) as rows (G, rank, K), orthonormal.

    By the eigenvectors of the smaller Gram matrix (2 to 9 times faster than a dense SVD). Rounding mixes
    only directions whose singular values are below about 1e-4 of the largest in float32; the rows are
    orthonormal in any case. Weights of any size: they are scaled first, since the Gram matrix holds squares.
    """
    largest = torch.linalg.vector_norm(matrix, torch.inf, dim=(1, 2), keepdim=True)
    matrix = matrix / largest.clamp_min(torch.finfo(matrix.dtype).tiny)
    rows, columns = matrix.shape[-2:]
    if columns <= rows:
        vectors = torch.linalg.eigh(_lower_gram(matrix.mT)).eigenvectors  # (G, K, K), ascending
        return vectors[..., -rank:].flip(-1).mT.contiguous()
    left = torch.linalg.eigh(_lower_gram(matrix)).eigenvectors[..., -rank:].flip(-1)  # (G, N, rank)
    return orthonormal_rows(left.mT @ matrix)


def _lower_gram(matrix: Tensor) -> Tensor:
    """Return the lower triangle of `matrix` times its transpose, all that eigh reads, block by block."""
    size = matrix.shape[-2]
    gram = matrix.new_zeros(*matrix.shape[:-1], size)
    for first in range(0, size, _GRAM_BLOCK):
        last = min(first + _GRAM_BLOCK, size)
        gram[..., first:last, :last] = matrix[..., first:last, :] @ matrix[..., :last, :].mT
    return gram


def random_rows(groups: int, rank: int, columns: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """Return orthonormal rows (G, rank, K) that span a random subspace."""
    shape, device = (groups, rank, columns), generator.device
    gaussian = torch.randn(shape, generator=generator, dtype=torch.float64, device=device)
    return orthonormal_rows(gaussian).to(like)


def orthonormal_rows(matrix: Tensor) -> Tensor:
    """Return rows that span those of `matrix` (G, R, K), R <= K, and are orthonormal."""
    return torch.linalg.qr(matrix.mT).Q.mT.contiguous()
