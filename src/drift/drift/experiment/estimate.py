"""How long a study will take, from a short trial of one method on each of its tasks."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from drift.experiment.job import JobResult, run_job
from drift.experiment.study import Budget, Job

_TRIAL = Budget(
    seeds=1, demonstrations=2, episodes=1, rounds=1, offline_steps=30, online_steps=30, evaluations=1
)


def estimate_s(jobs: Iterable[Job], processes: int, on_text: Callable[[str], None]) -> float:
    """Return about how long `jobs` will take [s]; a policy that has learned nothing takes its whole time.

    So rollouts are counted as if all of them failed: it will rather take less.
    """
    trials: dict[str, tuple[Job, JobResult]] = {}
    total_s, longest_s = 0.0, 0.0
    for job in jobs:
        if job.task.name not in trials:
            on_text(f"trying {job.task.name} to see how long it takes")
            trial = replace(job, method="hg_dagger", budget=_TRIAL)
            with tempfile.TemporaryDirectory() as folder:
                trials[job.task.name] = trial, run_job(trial, Path(folder) / "trial")
        job_s = _scaled_s(job.budget, trials[job.task.name][1])
        total_s, longest_s = total_s + job_s, max(longest_s, job_s)
    return max(total_s / processes, longest_s)


def _scaled_s(budget: Budget, trial: JobResult) -> float:
    """Return how long a job takes, by the trial's gradient steps and episodes."""
    steps = budget.offline_steps + budget.rounds * budget.online_steps
    step_s = trial.training_s / (_TRIAL.offline_steps + _TRIAL.online_steps)
    episodes = budget.demonstrations + budget.episodes + (1 + budget.rounds) * budget.evaluations
    tried = _TRIAL.demonstrations + _TRIAL.episodes + 2 * _TRIAL.evaluations
    episode_s = (trial.duration_s - trial.training_s) / tried
    return steps * step_s + episodes * episode_s


def in_words(seconds: float) -> str:
    """Return a duration for people."""
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{max(1, round(seconds / 60))} minutes"
