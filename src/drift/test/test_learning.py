"""Does it learn? One small job from its first demonstration to its last rollout, whose numbers may not sink.

The task is learned in seconds (`gap_environment`), in its own process as those of others; gate, recorder,
store, trainer, rank schedule and policy loop are the real ones. Of 40 rollouts, seeds 0 to 5: 9, 22, 21, 21,
19 and 15 succeeded before, and 31, 39, 39, 35, 31 and 39 after twelve corrected episodes and 300 gradient
steps; 9 after ten steps (seed 0).
"""

from dataclasses import replace
from pathlib import Path

import pytest
from drift.experiment.budget import Budget
from drift.experiment.job import JobResult, run_job
from drift.experiment.study import Job
from gap_shell import TASK, gap_shell

BUDGET = Budget(
    seeds=1, demonstrations=4, episodes=12, rounds=1, offline_steps=150, online_steps=300, evaluations=40
)
pytestmark = pytest.mark.timeout(900)  # half a minute on an idle core


@pytest.fixture(scope="module")
def learn(tmp_path_factory):
    """Return what a method gives with seed 0; the changes are of the budget."""

    def run(method: str = "drift_left", **changes: int) -> JobResult:
        folder: Path = tmp_path_factory.mktemp("job")
        return run_job(Job(TASK, method, 0, replace(BUDGET, **changes), "demo"), folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drift.experiment.job.make_shell", gap_shell)
        yield run


@pytest.fixture(scope="module")
def learned(learn):
    """DRIFT-DAgger, bootstrapped and corrected once."""
    return learn()


def test_corrections_make_it_better_than_the_bootstrapped_policy(learned):
    first, last = learned.points
    assert (len(first.success), len(last.success)) == (40, 40)
    assert sum(last.success) >= 24, "seeds 0 to 5: 31 to 39"
    assert sum(last.success) - sum(first.success) >= 8, "seeds 0 to 5: 12 to 24 more"


def test_it_learns_from_the_experts_steps_alone(learned):
    first, last = learned.points
    assert first.labels < 150 and learned.takeovers >= 5
    # twelve episodes of at most 50 steps; the expert has ten at a time
    assert 5 * learned.takeovers <= last.labels - first.labels <= 12 * learned.takeovers


def test_the_same_seed_gives_the_same_numbers(learn, learned):
    again = learn()
    assert again.points == learned.points
    assert again.takeovers == learned.takeovers
