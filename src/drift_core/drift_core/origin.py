"""For which robot and task something was recorded or trained: what is of another is not taken."""

from dataclasses import dataclass
from typing import Protocol

from drift_core.arm import POINT, ArmModel
from drift_core.task import TaskConfig, task_names


class Described(Protocol):
    """What an episode and a checkpoint say about themselves."""

    @property
    def robot(self) -> str:
        """Name of the arm, with its hand if that is not its usual one; POINT where there is none."""

    @property
    def task(self) -> str:
        """Name of the task, or of several that one policy has learned: place+insert."""


@dataclass(frozen=True)
class Origin:
    """One robot and one task, by name. Other arms have joints that fit, too, and mean something else."""

    robot: str
    task: str

    @classmethod
    def of(cls, arm: ArmModel | None, task: TaskConfig) -> "Origin":
        """Return that of an arm, None for a task without arm, and its task."""
        return cls(POINT if arm is None else arm.name, task.name)

    def objection(self, other: Described) -> str:
        """Return what of `other` is not of here; empty if nothing is.

        Where one of both is of several tasks, those of the other must be among them.
        """
        here, there = set(task_names(self.task)), set(task_names(other.task))
        pairs = (
            ("robot", self.robot, other.robot, self.robot == other.robot),
            ("task", self.task, other.task, here <= there or there <= here),
        )
        return "; ".join(f"{name} must be {want}, got {got}" for name, want, got, fits in pairs if not fits)
