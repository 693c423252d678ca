"""The tasks of studies: one file of `experiments/tasks/` each, for every study that wants it."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from drift_sim.environments.setting import Setting
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import choices, share_folder
from drift.errors import UserError
from drift.experiment.budget import Changes
from drift.experiment.foreign import FOREIGN
from drift.experiment.shifts import SHIFTS

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_USUAL_ARM = "panda"


@dataclass(frozen=True, config=STRICT)
class StudyTask:
    """What is to be done, and what is seen of it."""

    task: Annotated[str, Field(min_length=1)]  # of config/tasks; or of an environment of others
    sees: Literal["state", "hand", "images"]  # hand: the state without joints, alike with every arm of ours
    environment: str = "drift"  # ours, or one that `drift experiment setup` makes
    robot: str = _USUAL_ARM  # of config/robots, with an environment of ours
    setting: Setting | None = None  # of a task of others; None: the usual one. Ours have it in config/tasks
    then: str = ""  # what changes once it has been learned, of SHIFTS; "": nothing

    def __post_init__(self) -> None:
        if self.environment == "drift":
            for kind, value in (("task", self.task), ("robot", self.robot)):
                if value not in choices(kind) and "+" not in value:
                    raise ConfigError(f"{kind}={value} must be one of: {', '.join(choices(kind))}")
            if self.setting is not None:
                raise ConfigError(
                    f"setting must be left out with a task of ours: config/tasks/{self.task}.yaml"
                )
        elif self.environment not in FOREIGN:
            raise ConfigError(
                f"environment={self.environment} must be one of: drift, {', '.join(sorted(FOREIGN))}"
            )
        elif self.sees == "hand":
            raise ConfigError("sees=hand must be state or images with a task of others")
        if self.then:
            self._check_shift()

    @property
    def name(self) -> str:
        """How it is called in results."""
        prefix = "" if self.environment == "drift" else f"{self.environment}/"
        arm = "" if self.robot == _USUAL_ARM else f" with {self.robot}"
        then = f", then {SHIFTS[self.then].title}" if self.then else ""
        return f"{prefix}{self.task}{arm} from {self.sees}{then}"

    def _check_shift(self) -> None:
        if self.then not in SHIFTS or self.environment != "drift":
            raise ConfigError(f"then={self.then} must be one of: {', '.join(SHIFTS)}, with a task of ours")
        if self.sees not in (sees := SHIFTS[self.then].sees):
            raise ConfigError(f"sees={self.sees} must be one of: {', '.join(sees)}, with then={self.then}")


@dataclass(frozen=True, config=STRICT)
class TaskFile:
    """One file of experiments/tasks/."""

    name: Name
    task: StudyTask
    quick: Changes = field(default_factory=Changes)  # of the budgets of every study
    full: Changes = field(default_factory=Changes)


def folder() -> Path:
    """Return where the tasks of studies are."""
    return share_folder() / "experiments" / "tasks"


def task_names() -> list[str]:
    """Return the tasks that there are."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def load_task_file(name: str) -> TaskFile:
    """Read experiments/tasks/NAME.yaml; UserError names those that there are."""
    if name not in task_names():
        raise UserError(f"task={name} must be one of: {', '.join(task_names())} (files of {folder()})")
    file = load_yaml(folder() / f"{name}.yaml", TaskFile)
    if file.name != name:
        raise UserError(f"{folder() / name}.yaml: name={file.name} must be {name}")
    return file
