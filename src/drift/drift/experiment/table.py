"""What results say of methods: success with intervals, labels and times, and paired differences."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from drift_core.intervals import PairedDifference, SuccessRate, paired_difference, success_rate

from drift.experiment.budget import BudgetName
from drift.experiment.methods import METHODS
from drift.experiment.results import Result
from drift.experiment.study import Study
from drift.experiment.task import StudyTask, TaskFile

HEAD = (
    "task",
    "method",
    "seeds",
    "success [95 %]",
    "labels",
    "offline batch [ms]",
    "online batch [ms]",
    "training [s]",
    "episode [s]",
    "difference [95 %]",
    "p (Holm)",
)


@dataclass(frozen=True)
class Row:
    """One method on one task, over its seeds."""

    file: TaskFile
    method: str
    results: tuple[Result, ...]  # by seed; none: it has not run
    wanted: int  # seeds of the study's budget
    difference: PairedDifference | None  # of success to the method that is compared with
    p: float | None  # two-sided, exact (McNemar), not adjusted

    @property
    def task(self) -> str:
        """How the task is called."""
        return self.file.task.name

    @property
    def seeds(self) -> str:
        """How many seeds ran, of how many."""
        return f"{len(self.results)} of {self.wanted}"

    @property
    def complete(self) -> bool:
        """Whether all seeds of the budget ran."""
        return len(self.results) >= self.wanted

    @property
    def rate(self) -> SuccessRate:
        """Success at the end, all seeds together."""
        return success_rate([ok for result in self.results for ok in result.result.points[-1].success])


def rows(study: Study, name: BudgetName, results: Sequence[Result]) -> list[Row]:
    """Return a row for each method on each task, also of those that have not run."""
    found = []
    wanted = getattr(study.budgets, name).seeds
    for file in study.files:
        of = {method: _of(results, file.task, method) for method in study.methods}
        base = of[study.compare_with]
        for method in study.methods:
            before, after = _paired(base, of[method]) if method != study.compare_with else ([], [])
            difference = paired_difference(before, after) if before else None
            p = mcnemar(before, after) if before else None
            found.append(Row(file, method, of[method], wanted, difference, p))
    return found


def cells(table: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the table in words, its head first."""
    adjusted = iter(holm([row.p for row in table if row.p is not None]))
    lines: list[tuple[str, ...]] = [HEAD]
    for row in table:
        title = METHODS[row.method].title
        if not row.results:
            lines.append((row.task, title, "has not run", *[""] * (len(HEAD) - 3)))
            continue
        difference, done = row.difference, [result.result for result in row.results]
        lines.append(
            (
                row.task,
                title,
                row.seeds,
                str(row.rate),
                f"{statistics.fmean(r.points[-1].labels for r in done):.0f}",
                f"{statistics.fmean(r.offline_batch_ms for r in done):.1f}",
                _mean([r.online_batch_ms for r in done]),
                f"{statistics.fmean(r.training_s for r in done):.0f}",
                _mean([r.points[-1].episode_s for r in done]),
                "" if difference is None else points(difference),
                "" if row.p is None else f"{next(adjusted):.2g}",
            )
        )
    return lines


def on_the_way(table: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return success after each training and the mean labels until then, its head first; no line for what
    has trained once."""
    lines: list[tuple[str, ...]] = [("task", "method", "labels: success after each training")]
    for row in table:
        trainings = list(zip(*(result.result.points for result in row.results), strict=True))
        said = [
            f"{statistics.fmean(point.labels for point in same):.0f}: "
            f"{success_rate([ok for point in same for ok in point.success]).value:.0%}"
            for same in trainings
        ]
        if len(said) > 1:
            lines.append((row.task, METHODS[row.method].title, ", ".join(said).replace("%", " %")))
    return lines


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Return the two-sided exact p of paired outcomes, of which those count that differ."""
    gained = sum(a and not b for b, a in zip(before, after, strict=True))
    lost = sum(b and not a for b, a in zip(before, after, strict=True))
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1)) / 2**n
    return min(1.0, 2.0 * tail)


def holm(p: Sequence[float]) -> list[float]:
    """Return p values that hold for all together (Holm 1979), in the order given."""
    order = sorted(range(len(p)), key=p.__getitem__)
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted


def _of(results: Sequence[Result], task: StudyTask, method: str) -> tuple[Result, ...]:
    found = (r for r in results if r.job.task == task and r.job.method == method)
    return tuple(sorted(found, key=lambda r: r.job.seed))


def _paired(before: Sequence[Result], after: Sequence[Result]) -> tuple[list[bool], list[bool]]:
    """Return the outcomes of both methods at the same seeds of policy and rollout."""
    by_seed = {result.job.seed: result for result in before}
    pairs = [(by_seed[result.job.seed], result) for result in after if result.job.seed in by_seed]
    return (
        [ok for one, _ in pairs for ok in one.result.points[-1].success],
        [ok for _, other in pairs for ok in other.result.points[-1].success],
    )


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):.1f}" if known else "–"


def points(difference: PairedDifference) -> str:
    """Read like "+5 [-3, +13]"."""
    low, high = 100 * difference.low, 100 * difference.high
    return f"{100 * difference.value:+.0f} [{low:+.0f}, {high:+.0f}]"
