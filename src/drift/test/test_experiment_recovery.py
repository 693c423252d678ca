"""What it took after a change: labels and minutes until success was back, by hand."""

from collections.abc import Sequence

from drift.experiment.budget import Budget
from drift.experiment.job import JobResult, Point, Spent
from drift.experiment.recovery import HEAD, cells, recovery
from drift.experiment.results import Machine, Result
from drift.experiment.study import Job
from drift.experiment.table import Row
from drift.experiment.task import StudyTask, TaskFile

BUDGET = Budget(
    seeds=2, demonstrations=2, episodes=4, rounds=2, offline_steps=20, online_steps=20, evaluations=10
)
TASK = StudyTask("place", "state", then="box")


def row(method: str, successes: Sequence[Sequence[int]]) -> Row:
    """`successes`: of ten rollouts, by seed and point; 100 labels and two minutes more in each round."""
    results = []
    for seed, good in enumerate(successes):
        rounds = [0, *range(len(good) - 1)]  # before, right after, then one more each time
        points = tuple(
            Point(500 + 100 * n + 10 * seed, 20, (True,) * k + (False,) * (10 - k), 6.0)
            for n, k in zip(rounds, good, strict=True)
        )
        spent = tuple(Spent(300.0 + 120.0 * n, 300.0 + 30.0 * n, 60.0 + 90.0 * n) for n in rounds)
        done = JobResult(points, 1, 4.0, 4.0, 240.0, 900.0, (), {}, spent)
        job, machine = Job(TASK, method, seed, BUDGET, "demo"), Machine("a processor", 2, "an OS", "3.11")
        results.append(Result(1, "shift", "quick", job, done, machine, "", False, "drift"))
    return Row(TaskFile("place_new_box", TASK), method, tuple(results), 2, None, None)


def test_success_is_back_at_the_first_round_that_is_as_good_as_before_all_seeds_together() -> None:
    # 8 + 6 before; 2 + 3 right after; 9 + 4 is not yet enough; 8 + 6 is
    found = recovery(row("shifted_left", [(8, 2, 9, 8), (6, 3, 4, 6)]))
    assert found is not None and found.back
    assert (found.before.successes, found.after.successes, found.labels) == (14, 5, 200.0)
    assert found.spent == Spent(240.0, 60.0, 180.0)


def test_a_change_that_does_no_harm_takes_nothing() -> None:
    found = recovery(row("shifted_left", [(5, 5, 9)]))
    assert found is not None and found.back and (found.labels, found.spent) == (0.0, Spent(0.0, 0.0, 0.0))


def test_what_never_comes_back_is_said_with_the_best_and_what_was_spent() -> None:
    _, line, other = cells(
        [
            row("shifted_full", [(8, 2, 7, 5)]),
            row("shifted_left", [(8, 2, 8, 5)]),
            row("drift_left", [(8, 2)]),
        ]
    )
    assert line[4] == "not back after 200, at best 7/10 = 70 % [40, 89]"
    assert other[4:] == ("100", "2.0", "0.5", "1.5", "3.5") and len(other) == len(HEAD)
    assert other[0] == "place from state, then another box"
