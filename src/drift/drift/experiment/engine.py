"""Who runs the jobs: processes of this machine, each with one thread, never more than there are cores."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from drift_config.errors import DriftError

from drift.errors import UserError
from drift.experiment.job import JobResult, run_job
from drift.experiment.study import Job

Outcome = JobResult | str  # or why there is none


class Engine(Protocol):
    """Runs jobs, in any order."""

    def run(self, jobs: Iterable[tuple[Job, Path]], on_done: Callable[[Job, Outcome], None]) -> None:
        """Run each job in its folder; `on_done` is called here, as each ends."""


class LocalEngine:
    """Processes of this machine."""

    def __init__(self, processes: int | None = None) -> None:
        """`processes`: None for one per core."""
        self.processes = processes or os.cpu_count() or 1

    def run(self, jobs: Iterable[tuple[Job, Path]], on_done: Callable[[Job, Outcome], None]) -> None:
        """Run them; Ctrl-C and errors of `on_done` end those that run."""
        # spawn: a renderer of this process must not be copied into the children
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.processes, context, max_tasks_per_child=1) as pool:
            running = {pool.submit(_run, job, folder): job for job, folder in jobs}
            try:
                for future in as_completed(running):
                    on_done(running[future], future.result())
            except BaseException:
                for future in running:
                    future.cancel()
                for process in multiprocessing.active_children():
                    process.terminate()
                raise


ENGINES: dict[str, Callable[[], LocalEngine]] = {"local": LocalEngine}


def make_engine(name: str) -> LocalEngine:
    """Return an engine by name; UserError names those that there are."""
    if name not in ENGINES:
        raise UserError(f"engine={name} must be one of: {', '.join(ENGINES)}")
    return ENGINES[name]()


def _run(job: Job, folder: Path) -> Outcome:
    try:
        return run_job(job, folder)
    except (DriftError, UserError) as error:
        return str(error)
