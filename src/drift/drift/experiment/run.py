"""One run of a study: what is left to do, how long that takes, and what came of it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from drift.errors import UserError
from drift.experiment import results
from drift.experiment.budget import BudgetName
from drift.experiment.engine import Engine, Outcome, Ran
from drift.experiment.estimate import estimate_s, in_words
from drift.experiment.foreign import kind_of
from drift.experiment.methods import METHODS
from drift.experiment.page import write_page
from drift.experiment.results import Result
from drift.experiment.study import Job, Study, jobs


class Run:
    """A study with a budget, in a folder of its own."""

    def __init__(
        self,
        study: Study,
        budget_name: BudgetName,
        seeds: int | None,
        runs: Path,
        console: Console,
        tasks: Sequence[str] = (),
    ) -> None:
        """`seeds`: None for the budget's; `tasks`: those of the study that are wanted, none for all."""
        self._study, self._budget_name, self._console = study, budget_name, console
        self._jobs = jobs(study, budget_name, seeds, tasks)
        self.folder = runs / f"experiment-{study.name}-{budget_name}"
        self.results_file = self.folder / "results.jsonl"

    def run(self, engine: Engine, resume: bool) -> list[Job]:
        """Run what has no result yet; return the jobs that failed. UserError where it must not begin."""
        self._check_environments()
        if self.results_file.exists() and not resume:
            raise UserError(f"{self.folder} exists: give --resume to go on with it, or remove it")
        self.folder.mkdir(parents=True, exist_ok=True)
        done = results.read(self.results_file) if self.results_file.exists() else []
        left = results.missing(self._jobs, done)
        text = f"{self._study.title}: {len(self._jobs) - len(left)} of {len(self._jobs)} jobs are done"
        self._say(text)
        if left:
            expected_s = estimate_s(left, engine.processes, self._say)
            self._say(f"about {in_words(expected_s)} in {engine.processes} processes, or less")
        failed = self._run(engine, left, self.results_file, "jobs")
        done = results.read(self.results_file) if self.results_file.exists() else []
        page = self.folder / "index.html"
        write_page(
            page, self._study, self._budget_name, results.of_study(done, self._study, self._budget_name)
        )
        self._say(f"results: {self.results_file}; page: {page}")
        return failed

    def again(self, engine: Engine) -> bool:
        """Run the shortest job that is done once more; return whether its numbers are the same.

        The line goes to again.jsonl beside the results. UserError where no job of this machine is done.
        """
        self._check_environments()
        first = self._shortest()
        self._say(f"once more: {first.job.name}, which took {in_words(first.result.duration_s)}")
        file = self.folder / "again.jsonl"
        if self._run(engine, [first.job], file, "again"):
            return False
        second = results.read(file)[-1]
        differing = results.differing(first, second)
        self._say(f"other numbers: {', '.join(differing)}" if differing else "the same numbers")
        if differing and first.commit != second.commit:
            self._say(f"the first were made at commit {first.commit[:12]}, these at {second.commit[:12]}")
        self._say(f"result: {file}")
        return not differing

    def _shortest(self) -> Result:
        here = results.this_machine()
        there = results.read(self.results_file) if self.results_file.exists() else []
        jobs = [job for job in self._jobs if not METHODS[job.method].course.real_time]
        done = [result for result in there if result.machine == here and result.job in jobs]
        if not done:
            raise UserError(
                f"{self.results_file} must have a finished job of this machine ({here.processor}, "
                f"{here.cores} cores, {here.system}): run the study without --again before"
            )
        return min(done, key=lambda result: result.result.duration_s)

    def _check_environments(self) -> None:
        wanted = sorted({job.task.environment for job in self._jobs} - {"drift"})
        try:
            for name in wanted:
                kind_of(name).check()
        except UserError as error:
            ours = [f"--task {file.name}" for file in self._study.files if file.task.environment == "drift"]
            raise UserError(f"{error}; without it: {' '.join(ours)}" if ours else str(error)) from None

    def _run(self, engine: Engine, left: list[Job], file: Path, work: str) -> list[Job]:
        """Run jobs in folders of `work`, add their lines to `file`, and return those that failed."""
        commit, changed = results.this_commit()
        command = " ".join(["drift", *sys.argv[1:]])
        failed: list[Job] = []
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task("jobs", total=len(left))

            def on_done(job: Job, outcome: Outcome) -> None:
                progress.advance(bar)
                if isinstance(outcome, Ran):
                    line = Result(
                        1,
                        self._study.name,
                        self._budget_name,
                        job,
                        outcome.result,
                        outcome.machine,
                        commit,
                        changed,
                        command,
                    )
                    results.append(file, line)
                else:
                    failed.append(job)
                    self._say(f"{job.name} failed: {outcome}")

            engine.run([(job, self.folder / work / job.folder_name) for job in left], on_done)
        return failed

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
