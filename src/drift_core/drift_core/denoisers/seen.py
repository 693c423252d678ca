"""What one step of an observation consists of, for networks that foresee observations to come."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


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
