"""A study as one file of `experiments/` says it: which methods on which tasks, and how much of everything."""

import itertools
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated

from drift_config.errors import ConfigError
from drift_config.loader import load_yaml
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import choices, share_folder
from drift.errors import UserError
from drift.experiment.budget import Budget, BudgetName, Budgets, Changes
from drift.experiment.methods import METHODS
from drift.experiment.task import Name, StudyTask, TaskFile, load_task_file, task_names


@dataclass(frozen=True, config=STRICT)
class Study:
    """One file of experiments/."""

    name: Name
    title: Annotated[str, Field(min_length=1)]
    train: str  # of config/train
    methods: Annotated[tuple[str, ...], Field(min_length=1)]
    compare_with: str  # the method that the others are compared with
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]  # files of experiments/tasks
    budgets: Budgets
    about: str = ""  # what the methods have in common, said with the results

    def __post_init__(self) -> None:
        for method in (*self.methods, self.compare_with):
            if method not in METHODS:
                raise ConfigError(f"method={method} must be one of: {', '.join(METHODS)}")
        if self.compare_with not in self.methods:
            raise ConfigError(f"compare_with={self.compare_with} must be one of methods={list(self.methods)}")
        if self.train not in choices("train"):
            raise ConfigError(f"train={self.train} must be one of: {', '.join(choices('train'))}")
        for task in self.tasks:
            if task not in task_names():
                raise ConfigError(f"task={task} must be one of: {', '.join(task_names())}")
        if len(set(self.tasks)) < len(self.tasks):
            raise ConfigError(f"tasks={list(self.tasks)} must differ")

    @cached_property
    def files(self) -> tuple[TaskFile, ...]:
        """The tasks, read from their files."""
        return tuple(load_task_file(task) for task in self.tasks)

    @property
    def real_time(self) -> bool:
        """Whether nodes run in it."""
        return any(METHODS[method].course.real_time for method in self.methods)

    def budget(self, name: BudgetName, task: TaskFile) -> Budget:
        """Return a budget for one of the tasks; ConfigError where its changes do not fit."""
        changes: Changes = getattr(task, name)
        return changes.of(getattr(self.budgets, name), f"{name} budget of task={task.name}")

    def choose(self, tasks: Sequence[str]) -> tuple[TaskFile, ...]:
        """Return those of the tasks that are named, or all; UserError names those that there are."""
        for task in tasks:
            if task not in self.tasks:
                raise UserError(f"task={task} must be one of: {', '.join(self.tasks)}")
        return tuple(file for file in self.files if not tasks or file.name in tasks)


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
    def demonstrated(self) -> range:
        """Seeds of the demonstrations before the first training."""
        return range(self._first, self._first + self.budget.demonstrations)

    @property
    def first_further(self) -> int:
        """First seed of further demonstrations."""
        return self._first + 2_000

    @property
    def corrected(self) -> list[range]:
        """Seeds of the corrected episodes of each round."""
        return self.corrected_in(self.budget.rounds)

    def corrected_in(self, parts: int) -> list[range]:
        """Return the seeds of the corrected episodes, split into equal parts."""
        count, first = self.budget.episodes, self._first + 5_000
        ends = [first + round(count * part / parts) for part in range(parts + 1)]
        return [range(begin, end) for begin, end in itertools.pairwise(ends)]

    @property
    def folder_name(self) -> str:
        """Where it works."""
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)

    @property
    def _first(self) -> int:
        return 10_000 * self.seed


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
    of_others = [file.name for file in study.files if file.task.environment != "drift"]
    ours_alone = [method for method in study.methods if METHODS[method].ours_alone]
    if of_others and ours_alone:
        raise UserError(
            f"{folder() / name}.yaml: tasks={of_others} must be ours for methods={ours_alone}, "
            "which change the person or the scene"
        )
    unseen = [file.name for file in study.files if file.task.sees != "images"]
    if study.real_time and unseen:
        raise UserError(
            f"{folder() / name}.yaml: tasks={unseen} must be seen by images, as nodes see nothing else"
        )
    changing = [method for method in study.methods if METHODS[method].course.changes]
    changed = [file.name for file in study.files if file.task.then]
    if (len(changing), len(changed)) not in ((0, 0), (len(study.methods), len(study.files))):
        raise UserError(
            f"{folder() / name}.yaml: either all tasks must say what changes (then; tasks={changed} do) "
            f"and all methods learn it (methods={changing} do), or none"
        )
    return study


def jobs(study: Study, name: BudgetName, seeds: int | None = None, tasks: Sequence[str] = ()) -> list[Job]:
    """Return all jobs, or those of some tasks, with another number of seeds if one is given.

    Seed by seed: what has run when time is over is balanced over methods.
    """
    number = seeds or getattr(study.budgets, name).seeds
    return [
        Job(file.task, method, seed, study.budget(name, file), study.train)
        for seed in range(number)
        for file in study.choose(tasks)
        for method in study.methods
    ]
