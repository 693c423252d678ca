"""What a trainer asks of the processes that train with it; here there is one, `distributed.py` has several.

All of them do the same in the same order: each draws whole batches and computes with its share of the
windows. What depends on a clock, a signal or a disk one decides for all.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from drift_core.rank import LayerChange
from drift_core.share import Split
from drift_core.training.loss import PolicyLoss


class Processes:
    """One process that trains alone."""

    index = 0  # of this process; the first one writes, and its word counts
    count = 1

    @property
    def split(self) -> Split:
        """Which windows of a batch are for this process."""
        return Split(self.index, self.count, self.total)

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over all processes."""
        return value

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true in any process."""
        return flag

    def first(self, work: Callable[[], Any]) -> Any:
        """Return in all processes what `work` gives in the first: plain data. What it raises ends all."""
        return work()

    def check_same(self, what: str, digest: Callable[[], str]) -> None:
        """Raise ConfigError where the `digest` of `what` is another one than in the first process."""

    def says_first(self, reason: str) -> bool:
        """Return whether no other process has said before that it ends for this `reason`."""
        return True

    def summed(self, loss: PolicyLoss) -> nn.Module:
        """Return `loss` with its gradients summed over all processes.

        Weights, frozen parts and the layers' learning rates are then those of the first process in all.
        """
        return loss

    def share_generator(self, generator: torch.Generator) -> None:
        """Let the random numbers to come be those of the first process."""

    def share_moments(self, optimizer: torch.optim.Optimizer, changes: list[LayerChange]) -> None:
        """Let the moments that were carried along changes of rank be those of the first process."""

    def share_ranks(self, ranks: dict[str, int]) -> dict[str, int]:
        """Return the ranks by layer that the first process has chosen."""
        return ranks


ALONE = Processes()
