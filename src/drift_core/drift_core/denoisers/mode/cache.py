"""The experts of each denoising step as one network, put together once per set of weights.

The key is the number of the step, an integer: nothing is compared that was computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from drift_core.denoisers.denoiser import version_of
from drift_core.denoisers.mode.experts import Experts, Fused


@dataclass(frozen=True, eq=False)
class StepExperts:
    """What runs in one block at one step: h (B, T, width) -> (B, T, width)."""

    fused: Fused
    scale: Tensor  # (n hidden,)

    def __call__(self, h: Tensor) -> Tensor:
        """Return the weighted sum of the experts."""
        return self.fused(h, self.scale)


class ExpertCache:
    """Made when a step is first denoised. Steps that choose the same experts of a block share them."""

    def __init__(self, blocks: Sequence[Experts]) -> None:
        self._blocks = tuple(blocks)
        self._weights: tuple[object, ...] | None = None
        self._routes: Tensor | None = None
        self._steps: dict[int, list[StepExperts]] = {}
        self._fused: dict[tuple[int, tuple[int, ...]], Fused] = {}  # by block and experts

    def follow(self, table: Tensor, routes: Tensor) -> None:
        """Forget everything unless weights and `table` are as they were.

        `routes` (K, blocks, experts): the weights of the experts at every step, a part of `table`.
        """
        parts = [t for block in self._blocks for t in (*block.parameters(), *block.buffers())]
        weights = (*version_of(parts), *version_of([table]))
        if weights != self._weights:
            self._weights, self._routes = weights, routes
            self._steps.clear()
            self._fused.clear()

    def at(self, step: int) -> list[StepExperts]:
        """Return what runs at `step`, by block."""
        if step not in self._steps:
            self._steps[step] = [self._made(step, n, block) for n, block in enumerate(self._blocks)]
        return self._steps[step]

    def _made(self, step: int, n: int, block: Experts) -> StepExperts:
        assert self._routes is not None
        weights = self._routes[step, n]
        chosen = tuple(weights.nonzero()[:, 0].tolist())
        if (n, chosen) not in self._fused:
            self._fused[n, chosen] = block.fused(chosen)
        return StepExperts(self._fused[n, chosen], weights[list(chosen)].repeat_interleave(block.hidden))
