"""What it took, after a change, until success was what it had been before: labels, and minutes of whom."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drift_core.intervals import SuccessRate, success_rate

from drift.experiment.job import Spent
from drift.experiment.methods import METHODS
from drift.experiment.table import Row

HEAD = (
    "task",
    "method",
    "success before",
    "right after the change",
    "back after labels",
    "episodes [min]",
    "of that the person drove [min]",
    "training [min]",
    "together [min]",
)
_CHANGE = 1  # the point right after it


@dataclass(frozen=True)
class Recovery:
    """Of all seeds of a method together; amounts are means of them, since the change."""

    before: SuccessRate
    after: SuccessRate  # right after the change
    best: SuccessRate  # of the points since
    back: bool  # whether one of them was as good as before
    labels: float  # until then; otherwise until the end
    spent: Spent


def recovery(row: Row) -> Recovery | None:
    """Return what became of a change; None for a method without one, or that has not run."""
    if not (row.results and METHODS[row.method].course.changes):
        return None
    done = [result.result for result in row.results]
    rates = [
        success_rate([ok for point in same for ok in point.success])
        for same in zip(*(result.points for result in done), strict=True)
    ]
    before, after, *_ = rates
    at = next((n for n, rate in enumerate(rates) if n >= _CHANGE and rate.value >= before.value), None)
    end = len(rates) - 1 if at is None else at
    return Recovery(
        before,
        after,
        max(rates[_CHANGE:], key=lambda rate: rate.value),
        at is not None,
        _mean(result.points[end].labels - result.points[_CHANGE].labels for result in done),
        Spent(*(_mean(_since(result.spent, end, what) for result in done) for what in Spent.names())),
    )


def cells(table: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return it in words, its head first; no line for what has no change, or has not run."""
    lines: list[tuple[str, ...]] = [HEAD]
    for row in table:
        if (found := recovery(row)) is None:
            continue
        labels = f"{found.labels:.0f}"
        if not found.back:
            labels = f"not back after {labels}, at best {found.best}"
        spent = found.spent
        minutes = (spent.episodes_s, spent.driven_s, spent.training_s, spent.episodes_s + spent.training_s)
        lines.append(
            (
                row.task,
                METHODS[row.method].title,
                str(found.before),
                str(found.after),
                labels,
                *(f"{seconds / 60:.1f}" for seconds in minutes),
            )
        )
    return lines


def _since(spent: Sequence[Spent], end: int, what: str) -> float:
    return float(getattr(spent[end], what) - getattr(spent[_CHANGE], what))


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
