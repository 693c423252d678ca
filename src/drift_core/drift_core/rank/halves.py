"""A float32 tensor as two 16-bit halves: the upper one is a rounded bfloat16, both together are the tensor
to the bit.

So a frozen part that is computed in bfloat16 takes no more memory than in float32, and merging loses nothing.
"""

import torch
from torch import Tensor


def split_halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the upper halves (bfloat16, like float32 `values`) and the lower ones (bytes)."""
    bits = values.contiguous().view(torch.int32)
    low = bits.to(torch.int16)  # the lower 16 bits, wrapped to signed
    high = ((bits - low.to(torch.int32)) >> 16).to(torch.int16)
    return high.view(torch.bfloat16), low.view(torch.uint8)  # bytes, because gloo sends no int16


def join_halves(high: Tensor, low: Tensor) -> Tensor:
    """Return the float32 tensor that `split_halves` took apart."""
    bits = (high.view(torch.int16).to(torch.int32) << 16) + low.view(torch.int16).to(torch.int32)
    return bits.view(torch.float32)
