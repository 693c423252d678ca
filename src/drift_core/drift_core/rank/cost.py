"""What a training step of one layer costs, in multiply-adds per batch row: the break-even rank of the policy
`fast`.

Dense: forward, input gradient and weight gradient, 3 N K. Forms (r = rank, per group):
`left`: 2 N K + 2 r (N + K) + r N; `usv`: 2 N K + 3 r (N + K).
"""

import math

from drift_core.rank.layout import Layout

# Kernels block channels by 16; a stack of N + r rows that is no multiple of 16 costs up to a block more than
# it should.
_BLOCK = 16
# Share of the theoretical break-even up to which the factored form was measured to be faster
# (benchmarks/train_step.py).
_MEASURED = {"left": 0.9, "usv": 0.75}
# Layers with fewer weights cost the fixed overhead of more kernel calls, whatever the rank (measured with
# the MLP).
_SMALLEST = {"left": 16_384, "usv": 65_537}


def break_even_rank(layout: Layout, form: str) -> float:
    """Return the rank at which a factored step costs as many multiply-adds as a dense one."""
    n, k = layout.rows, layout.columns
    return n * k / (3 * n + 2 * k) if form == "left" else n * k / (3 * (n + k))


def fast_rank(layout: Layout, form: str, rank: int) -> int:
    """Return the rank that the policy `fast` trains when `rank` is asked for: never less, full where that is
    faster."""
    rounded = math.ceil(rank / _BLOCK) * _BLOCK
    weights = layout.groups * layout.rows * layout.columns
    if weights < _SMALLEST[form] or rounded > _MEASURED[form] * break_even_rank(layout, form):
        return layout.max_rank
    return min(rounded, layout.max_rank)
