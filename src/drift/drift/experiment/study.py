"""A study as one file of `experiments/` says it: which methods on which tasks, and how much of everything."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import choices, share_folder
from drift.errors import UserError
from drift.experiment.foreign import FOREIGN
from drift.experiment.methods import METHODS

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
BudgetName = Literal["quick", "full"]


@dataclass(frozen=True, config=STRICT)
class StudyTask:
    """One task of a study, and what is seen of it."""

    task: Annotated[str, Field(min_length=1)]  # of config/tasks; or of an environment of others
    sees: Literal["state", "images"]
    environment: str = "drift"  # ours, or one that `drift experiment setup` makes
    robot: str = "panda"  # of config/robots, with an environment of ours

    def __post_init__(self) -> None:
        if self.environment == "drift":
            for kind, value in (("task", self.task), ("robot", self.robot)):
                if value not in choices(kind) and "+" not in value:
                    raise ConfigError(f"{kind}={value} must be one of: {', '.join(choices(kind))}")
        elif self.environment not in FOREIGN:
            raise ConfigError(
                f"environment={self.environment} must be one of: drift, {', '.join(sorted(FOREIGN))}"
            )

    @property
    def name(self) -> str:
        """How it is called in results."""
        prefix = "" if self.environment == "drift" else f"{self.environment}/"
        return f"{prefix}{self.task} from {self.sees}"


@dataclass(frozen=True, config=STRICT)
class Budget:
    """How much of everything one job does; the same for every method."""

    seeds: Count  # policies of each method on each task
    demonstrations: Count  # episodes that the expert drives before the first training
    episodes: Count  # that are corrected; BC gets as many further demonstrations instead
    rounds: Count  # into which they are split, with training after each
    offline_steps: Count  # gradient steps of the bootstrapping
    online_steps: Count  # of each round; BC does all of them in its one training
    evaluations: Count  # rollouts of a policy

    def __post_init__(self) -> None:
        if self.rounds > self.episodes:
            raise ConfigError(f"rounds={self.rounds} must be at most episodes={self.episodes}")


@dataclass(frozen=True, config=STRICT)
class Budgets:
    """A short one to see that all works, and the one whose results count."""

    quick: Budget
    full: Budget


@dataclass(frozen=True, config=STRICT)
class Study:
    """One file of experiments/."""

    name: Name
    title: Annotated[str, Field(min_length=1)]
    train: str  # of config/train
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    compare_with: str  # the method that the others are compared with
    tasks: Annotated[tuple[StudyTask, ...], Field(min_length=1)]
    budgets: Budgets

    def __post_init__(self) -> None:
        for method in (*self.methods, self.compare_with):
            if method not in METHODS:
                raise ConfigError(f"method={method} must be one of: {', '.join(METHODS)}")
        if self.compare_with not in self.methods:
            raise ConfigError(f"compare_with={self.compare_with} must be one of methods={list(self.methods)}")
        if self.train not in choices("train"):
            raise ConfigError(f"train={self.train} must be one of: {', '.join(choices('train'))}")
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ConfigError(f"tasks={names} must differ")

    def budget(self, name: BudgetName, seeds: int | None = None) -> Budget:
        """Return a budget, with another number of seeds if one is given."""
        budget: Budget = getattr(self.budgets, name)
        return budget if seeds is None else replace(budget, seeds=seeds)


@dataclass(frozen=True, config=STRICT)
class Job:
    """One seed of one method on one task: the piece that engines share out."""

    task: StudyTask
    method: str
    seed: Annotated[int, Field(ge=0)]
    budget: Budget
    train: str

    @property
    def name(self) -> str:
        """How it is called in messages and folders."""
        return f"{self.task.name}, {self.method}, seed {self.seed}"

    @property
    def folder_name(self) -> str:
        """Where it works."""
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)


def folder() -> Path:
    """Return where studies are."""
    return share_folder() / "experiments"


def load_study(name: str) -> Study:
    """Read experiments/NAME.yaml; UserError names those that there are."""
    there = sorted(path.stem for path in folder().glob("*.yaml"))
    if name not in there:
        raise UserError(f"study={name} must be one of: {', '.join(there)} (files of {folder()})")
    study = load_yaml(folder() / f"{name}.yaml", Study)
    if study.name != name:
        raise UserError(f"{folder() / name}.yaml: name={study.name} must be {name}")
    return study


def jobs(study: Study, budget: Budget) -> list[Job]:
    """Return all jobs, seed by seed: what has run when time is over is balanced over methods."""
    return [
        Job(task, method, seed, budget, study.train)
        for seed in range(budget.seeds)
        for task in study.tasks
        for method in study.methods
    ]
