"""Where policies make attempts that they are to learn from: `benchmarks.improvement` runs on each alike."""

from pathlib import Path
from typing import Protocol

from drift_core.arm import ArmModel
from drift_core.policy.checkpoint import LoadedCheckpoint
from drift_core.policy.policy import DiffusionPolicy
from drift_core.samplers import Sampler
from drift_core.task import TaskConfig


class Ground(Protocol):
    """A task, and who drives there; episodes of one seed begin alike."""

    @property
    def title(self) -> str:
        """How it is called in tables."""

    @property
    def task(self) -> TaskConfig:
        """What is to be done."""

    @property
    def arm(self) -> ArmModel | None:
        """What does it; None: a point."""

    def demonstrate(self, folder: Path, count: int) -> None:
        """Record in `folder` what is missing of so many demonstrations."""

    def attempt(self, folder: Path, loaded: LoadedCheckpoint, sampler: str, seed: int, person: bool) -> None:
        """Record an attempt of a policy with all its chunks, with a `person` beside it or without."""

    def score(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> float:
        """Return how an attempt of the policy alone ends, between 0 and 1; nothing is recorded."""

    def succeeds(self, policy: DiffusionPolicy, sampler: Sampler, seed: int) -> bool:
        """Return whether the policy alone succeeds."""
