"""What studies change besides ranks, each in one tiny job of the task that is learned in seconds."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from drift.experiment.budget import Budget
from drift.experiment.job import JobResult, run_job
from drift.experiment.study import Job
from drift_core.policy.checkpoint import load_latest
from gap_shell import TASK, gap_shell

SMALL = Budget(
    seeds=1, demonstrations=2, episodes=4, rounds=2, offline_steps=20, online_steps=20, evaluations=1
)
Run = Callable[..., JobResult]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a method with seed 0; the changes are of the budget."""
    monkeypatch.setattr("drift.experiment.job.make_shell", gap_shell)
    return lambda method, **changes: run_job(
        Job(TASK, method, 0, replace(SMALL, **changes), "smoke"), tmp_path / method
    )


def test_directions_that_the_gradient_chooses_train_in_the_rounds(run: Run, tmp_path: Path) -> None:
    done = run("usv_gradient")
    assert [point.gradient_steps for point in done.points] == [20, 40, 60]
    newest = load_latest(tmp_path / "usv_gradient" / "checkpoints").info
    assert (newest.rank, newest.reason) == (0.125, "round along the gradient")
