"""Results as JSON lines: one line for each finished job, with all that it takes to run it again."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from drift_config.errors import ConfigError
from drift_config.loader import parse
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift.configuration import share_folder
from drift.experiment.budget import Budget, BudgetName
from drift.experiment.job import JobResult
from drift.experiment.study import Job, Study
from drift.experiment.task import StudyTask

SCHEMA: Literal[1] = 1
_FROM_THE_SEED = ("points", "takeovers", "faults")  # of a JobResult


@dataclass(frozen=True, config=STRICT)
class Machine:
    """Where it ran."""

    processor: str
    cores: Annotated[int, Field(ge=1)]
    system: str
    python: str


@dataclass(frozen=True, config=STRICT)
class Result:
    """One line."""

    schema: Literal[1]
    study: str
    budget_name: BudgetName
    job: Job
    result: JobResult
    machine: Machine
    commit: str  # of the repository; "" outside one
    changed: bool  # whether its files differed from the commit
    command: str


def this_machine() -> Machine:
    """Return what is known of this machine."""
    lines = _lines("/proc/cpuinfo")
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    processor = next(names, platform.processor() or platform.machine())
    return Machine(processor, os.cpu_count() or 1, platform.platform(), platform.python_version())


def this_commit() -> tuple[str, bool]:
    """Return the commit of the checkout, and whether files of it were changed since."""
    commit = _git("rev-parse", "HEAD")
    return commit, bool(commit) and bool(_git("status", "--porcelain", "--untracked-files=no"))


def append(path: Path, result: Result) -> None:
    """Add a line, which outlives the process from then on."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Result]:
    """Return the results of a file; a last line that a killed process left half is dropped from it.

    ConfigError names the line that is of another schema, or otherwise wrong.
    """
    text = path.read_text(encoding="utf-8")
    whole, _, rest = text.rpartition("\n")
    if rest:
        path.write_text(whole + "\n" if whole else "", encoding="utf-8")
    return [_parsed(line, f"{path}:{number}") for number, line in enumerate(whole.splitlines(), 1)]


def of_study(results: Iterable[Result], study: Study, name: BudgetName) -> list[Result]:
    """Return the results of tasks, methods and budget as `study` has them now."""
    wanted = {file.task: study.budget(name, file) for file in study.files}
    return [
        result
        for result in results
        if wanted.get(result.job.task) == result.job.budget and result.job.method in study.methods
    ]


def check_equal(results: Iterable[Result], study: Study, where: str) -> None:
    """Raise ConfigError unless all are of tasks and methods of `study`, with one budget for each task."""
    tasks: dict[StudyTask, Budget] = {}
    known = {file.task for file in study.files}
    for number, result in enumerate(results, 1):
        job = result.job
        if job.task not in known or job.method not in study.methods or job.train != study.train:
            raise ConfigError(
                f"{where}:{number}: {job.name} must be of study={study.name} as it is now: its tasks "
                f"({', '.join(study.tasks)}) with their settings, methods ({', '.join(study.methods)}), train"
            )
        if tasks.setdefault(job.task, job.budget) != job.budget:
            raise ConfigError(f"{where}:{number}: {job.name} must have the budget of the lines before it")


def differing(one: Result, other: Result) -> list[str]:
    """Return what differs of what must follow from job and machine; both are of one job."""
    names = [name for name in _FROM_THE_SEED if getattr(one.result, name) != getattr(other.result, name)]
    return names if one.machine == other.machine else ["machine", *names]


def missing(jobs: Iterable[Job], results: Iterable[Result]) -> list[Job]:
    """Return the jobs that have no result yet."""
    done = {result.job for result in results}
    return [job for job in jobs if job not in done]


def _parsed(line: str, where: str) -> Result:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where}: must be a line of JSON: {error}") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise ConfigError(f"{where}: schema={found!r} must be {SCHEMA}")
    return parse(content, Result, source=where)


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(share_folder()), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []  # not Linux
