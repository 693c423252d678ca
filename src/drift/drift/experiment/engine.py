"""Who runs the jobs: processes of this machine with one thread each, as many as there are cores; or Ray."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from drift_config.errors import DriftError
from drift_config.strict import STRICT
from drift_ros.errors import SessionError
from pydantic.dataclasses import dataclass

from drift.errors import StackError, UserError
from drift.experiment.job import JobResult, run_job
from drift.experiment.results import Machine, this_machine
from drift.experiment.study import Job


@dataclass(frozen=True, config=STRICT)
class Ran:
    """A job that has ended well."""

    result: JobResult
    machine: Machine  # on which it ran


Outcome = Ran | str  # or why there is none


class Engine(Protocol):
    """Runs jobs, in any order."""

    @property
    def processes(self) -> int:
        """How many jobs run at a time."""

    def run(self, jobs: Iterable[tuple[Job, Path]], on_done: Callable[[Job, Outcome], None]) -> None:
        """Run each job in its folder; `on_done` is called here, as each ends."""


class LocalEngine:
    """Processes of this machine."""

    def __init__(self, processes: int | None = None) -> None:
        """`processes`: None for one per core that this process may use."""
        self.processes = processes or len(os.sched_getaffinity(0))

    def run(self, jobs: Iterable[tuple[Job, Path]], on_done: Callable[[Job, Outcome], None]) -> None:
        """Run them; Ctrl-C and errors of `on_done` end those that run."""
        # spawn: a renderer of this process must not be copied into the children
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.processes, context, max_tasks_per_child=1) as pool:
            running = {pool.submit(run_here, job, folder): job for job, folder in jobs}
            try:
                for future in as_completed(running):
                    on_done(running[future], future.result())
            except BaseException:
                for future in running:
                    future.cancel()
                for process in multiprocessing.active_children():
                    process.terminate()
                raise


def _ray_engine() -> Engine:
    try:
        from drift.experiment.ray_engine import RayEngine
    except ModuleNotFoundError as error:
        how = "this installs it: pip install -r setup/requirements/ray.txt"
        raise UserError(f"engine=ray needs {error.name}, which is not installed; {how}") from None
    return RayEngine()


ENGINES: dict[str, Callable[[], Engine]] = {"local": LocalEngine, "ray": _ray_engine}


def make_engine(name: str, alone: bool = False) -> Engine:
    """Return an engine by name; UserError names those that there are, or what is to be installed for it.

    `alone`: each job has this machine for itself.
    """
    if name not in ENGINES:
        raise UserError(f"engine={name} must be one of: {', '.join(ENGINES)}")
    if alone and name != "local":
        raise UserError(
            f"engine={name} must be local: the nodes of this study need the machine for themselves"
        )
    return LocalEngine(1) if alone else ENGINES[name]()


def run_here(job: Job, folder: Path) -> Outcome:
    """Run a job in this process."""
    try:
        return Ran(run_job(job, folder), this_machine())
    except (DriftError, UserError, StackError, SessionError) as error:
        return str(error)
