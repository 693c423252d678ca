"""How long a study will take, from a short trial of each of its tasks."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from drift.experiment.bench import make_shell
from drift.experiment.budget import Budget
from drift.experiment.courses.course import Amount
from drift.experiment.job import Learner
from drift.experiment.methods import METHODS
from drift.experiment.study import Job
from drift.run_folder import RunFolder

_TRIAL = Budget(
    seeds=1, demonstrations=2, episodes=1, rounds=1, offline_steps=30, online_steps=30, evaluations=1
)
_HOMING_S = 10.0  # about, between two episodes of the nodes


@dataclass(frozen=True)
class Costs:
    """What a task costs on this machine [s]."""

    start: float  # until the first episode can begin
    demonstration: float  # one episode of the expert
    driven: float  # one of a policy that has learned nothing: the longest
    offline_step: float
    online_step: float
    in_real_time: float = 0.0  # one by the nodes

    def of(self, job: Job) -> float:
        """Return about how long `job` takes, as if all of its rollouts failed."""
        amount: Amount | None = METHODS[job.method].course.amount(job.budget)
        total_s = self.start
        while amount is not None:
            total_s += amount.demonstrations * self.demonstration + amount.driven * self.driven
            total_s += amount.in_real_time * self.in_real_time
            total_s += amount.offline_steps * self.offline_step + amount.online_steps * self.online_step
            amount = amount.beside
        return total_s


def estimate_s(jobs: Iterable[Job], processes: int, on_text: Callable[[str], None]) -> float:
    """Return about how long `jobs` will take [s]; rather less, as policies that succeed are sooner done.

    `on_text` is told of each task what one job of it takes at most. ConfigError and UserError as of a job.
    """
    tried: dict[str, Costs] = {}
    longest: dict[str, float] = {}
    total_s = 0.0
    for job in jobs:
        task = job.task.name
        if task not in tried:
            on_text(f"trying {task} to see how long it takes")
            tried[task] = _try(job)
        job_s = tried[task].of(job)
        total_s, longest[task] = total_s + job_s, max(longest.get(task, 0.0), job_s)
    for task, job_s in longest.items():
        on_text(f"{task}: {_said(tried[task])}; a job at most {in_words(job_s)}")
    return max(total_s / processes, *longest.values()) if longest else 0.0


def in_words(seconds: float) -> str:
    """Return a duration for people."""
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{max(1, round(seconds / 60))} minutes"


def _try(job: Job) -> Costs:
    """Do a little of everything, at full rank."""
    torch.set_num_threads(1)  # as in a job
    began_s = time.monotonic()
    shell = make_shell(job.task)
    try:
        shell.environment.reset(0)
        start_s = time.monotonic() - began_s
        with tempfile.TemporaryDirectory() as folder:
            trial = replace(job, method="hg_dagger", budget=_TRIAL)
            learner = Learner(trial, shell, RunFolder(Path(folder)).create(), lambda text: None)
            learner.run()
    finally:
        shell.close()
    counts = learner.counts
    return Costs(
        start_s,
        counts.demonstrating_s / _TRIAL.demonstrations,
        counts.driving_s / (_TRIAL.episodes + 2 * _TRIAL.evaluations),
        statistics.median(counts.offline_s),  # the first ones are slow
        statistics.median(counts.online_s),
        shell.task.max_duration_s + _HOMING_S,
    )


def _said(costs: Costs) -> str:
    steps = f"gradient step {1e3 * costs.offline_step:.0f} and {1e3 * costs.online_step:.0f} ms"
    return (
        f"demonstration {costs.demonstration:.1f} s, episode of a policy up to {costs.driven:.1f} s, {steps}"
    )
