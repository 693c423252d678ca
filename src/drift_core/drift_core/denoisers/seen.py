"""What one step of an observation consists of, for networks that foresee observations to come."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from drift_core.denoisers.windows import FutureWindows


@dataclass(frozen=True)
class Seen:
    """The newest step of the condition."""

    feature_dim: int  # D of all cameras together; 0 without
    state_dim: int  # S
    cameras: tuple[str, ...]


@runtime_checkable
class LooksAhead(Protocol):
    """The configuration of a network that is trained on observations to come."""

    @property
    def future_steps(self) -> tuple[int, ...]:
        """Return which: policy steps from the newest observation."""


@runtime_checkable
class Foresees(LooksAhead, Protocol):
    """A network that says what will be seen; observations are (..., E), in numbers of its own."""

    def foresee(self, condition: Tensor, actions: Tensor, train_steps: int) -> Tensor:
        """Return what will be seen at the future steps, (B, Tf, E), if `actions` (B, T, A) are executed."""

    def shown(self, future: FutureWindows) -> Tensor:
        """Return what was seen, (B, Tf, E)."""

    def distance(self, found: Tensor, seen: Tensor) -> Tensor:
        """Return the mean squared difference (...) of two observations (..., E)."""
