"""What is wanted of the studies, and what their results say about it."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drift_core.intervals import SuccessRate, success_rate

from drift.experiment.budget import BudgetName
from drift.experiment.results import Result, differing
from drift.experiment.study import Study
from drift.experiment.table import Row, points, rows

Verdict = Literal[
    "met", "not met", "not run"
]  # not run: not on enough tasks, or with all seeds of the budget
Found = Mapping[tuple[str, BudgetName], Sequence[Result]]  # by study

_PAPER, _WIDE, _RECIPE = "main_table", "unet", "recipe"  # the studies that they are judged by
_TASKS = 5  # that the paper's comparison is wanted on
_OURS, _FULL_RANK, _CLONING = "drift_left", "hg_dagger", "bc"


@dataclass(frozen=True)
class Bar:
    """One of them."""

    text: str
    verdict: Verdict
    why: str  # the numbers


def bars(studies: Sequence[Study], found: Found, again: Sequence[Result] = ()) -> list[Bar]:
    """Judge the full budgets, and the time of the quick ones; `again` are jobs that were run once more."""
    full = {study.name: rows(study, "full", found.get((study.name, "full"), ())) for study in studies}
    paper, wide, recipe = (full.get(name, []) for name in (_PAPER, _WIDE, _RECIPE))
    first = [result for results in found.values() for result in results]
    return [
        _one_recipe(recipe),
        _place_from_images(recipe),
        _no_worse(paper),
        _fewer_labels(paper),
        _less_training(wide),
        _place(paper),
        _quick(studies, found),
        _repeats(first, again),
    ]


def _one_recipe(table: Sequence[Row]) -> Bar:
    text = (
        "`insert` from images with Panda and UR5e: at least 70 %, lower bound 55, after at most 60 corrected "
        "episodes, in 30 minutes"
    )
    said, good = [], []
    for row in _of(table, _OURS):
        if row.file.task.task == "insert" and row.file.task.sees == "images" and row.complete:
            minutes = max(result.result.duration_s for result in row.results) / 60
            episodes = row.results[0].job.budget.episodes
            good.append(row.rate.value >= 0.70 and row.rate.low >= 0.55 and episodes <= 60 and minutes <= 30)
            said.append(f"{row.task}: {row.rate}, {episodes} corrected episodes, {minutes:.0f} minutes")
    return Bar(text, _verdict(good, wanted=2, of=2), "; ".join(said))


def _place_from_images(table: Sequence[Row]) -> Bar:
    text = "`place` from images no worse than before that recipe: 33 of 40"
    said, good = [], []
    for row in _of(table, _OURS):
        if (row.file.task.task, row.file.task.sees) == ("place", "images") and row.complete:
            good.append(row.rate.value >= 33 / 40)
            said.append(f"{row.task}: {row.rate}")
    return Bar(text, _verdict(good, wanted=1, of=1), "; ".join(said))


def _no_worse(table: Sequence[Row]) -> Bar:
    text = (
        "DRIFT-DAgger less HG-DAgger at full rank: lower bound at least -10 points, with 100 rollouts of "
        "each seed, on 4 of 5 tasks"
    )
    said, good = [], []
    for row, base in _pairs(table, _FULL_RANK):
        if row.difference is None:
            continue
        rollouts = min(len(result.result.points[-1].success) for result in (*row.results, *base.results))
        said.append(f"{row.task}: {points(row.difference)}, {row.seeds} seeds, {rollouts} rollouts of each")
        if row.complete and base.complete and rollouts >= 100:
            good.append(row.difference.low >= -0.10)
    return Bar(text, _verdict(good, wanted=4, of=_TASKS), "; ".join(said))


def _fewer_labels(table: Sequence[Row]) -> Bar:
    text = (
        "labels of DRIFT-DAgger until it is as good as behaviour cloning at the end: at most 0.66 of those, "
        "on 2 of 5 tasks"
    )
    said, good = [], []
    for row, base in _pairs(table, _CLONING):
        if not (row.results and base.results):
            continue
        wanted, _ = _curve(base)[-1]
        labels = statistics.fmean(result.result.points[-1].labels for result in base.results)
        there = next((n for rate, n in _curve(row) if rate.value >= wanted.value), None)
        share = "not as good" if there is None else f"{there / labels:.2f}"
        said.append(f"{row.task}: {share}, {row.seeds} seeds")
        if row.complete and base.complete:
            good.append(there is not None and there <= 0.66 * labels)
    return Bar(text, _verdict(good, wanted=2, of=_TASKS), "; ".join(said))


def _less_training(table: Sequence[Row]) -> Bar:
    text = "training time with the U-Net S, by that at full rank: at most 0.88, of an online step 0.82"
    said, good = [], []
    for row, base in _pairs(table, _FULL_RANK):
        if not (row.results and base.results):
            continue
        whole = _training_s(row) / _training_s(base)
        step = _online_ms(row) / _online_ms(base)
        said.append(f"{row.task}: {whole:.2f}, {step:.2f}, {row.seeds} seeds")
        if row.complete and base.complete:
            good.append(whole <= 0.88 and step <= 0.82)
    return Bar(text, _verdict(good, wanted=max(1, len(good)), of=max(1, len(good))), "; ".join(said))


def _place(table: Sequence[Row]) -> Bar:
    text = "`place`: at least 95 %, lower bound 85, with at most 500 labels, in 15 minutes"
    said, good = [], []
    for row in _of(table, _OURS):
        if row.file.task.task != "place" or not row.results:
            continue
        minutes = _mean(result.result.duration_s for result in row.results) / 60
        few = [rate for rate, labels in _curve(row) if labels <= 500]
        best = max(few, key=lambda rate: rate.value, default=None)
        least = f"{_curve(row)[0][1]:.0f} labels before the first correction"
        said.append(f"{row.task}: {best or least}, {minutes:.0f} minutes, {row.seeds} seeds")
        if row.complete:
            good.append(best is not None and best.value >= 0.95 and best.low >= 0.85 and minutes <= 15)
    met = any(good)
    return Bar(text, "met" if met else "not met" if good else "not run", "; ".join(said))


def _quick(studies: Sequence[Study], found: Found) -> Bar:
    text = "the quick budget of each study: at most 10 minutes on two cores"
    said, good = [], []
    for study in studies:
        done = found.get((study.name, "quick"), ())
        ran = {(result.job.task, result.job.method) for result in done}
        all_ran = ran == {(file.task, method) for file in study.files for method in study.methods}
        durations_s = [result.result.duration_s for result in done]
        at_a_time = 1 if study.real_time else 2
        minutes = max(sum(durations_s) / at_a_time, max(durations_s, default=0.0)) / 60
        took = f"{minutes:.1f} minutes" + ("" if all_ran else ", not all of it ran")
        said.append(f"{study.name}: {took if done else 'has not run'}")
        good += [minutes <= 10] if all_ran else []
    return Bar(text, _verdict(good, wanted=len(studies), of=len(studies)), "; ".join(said))


def _repeats(first: Sequence[Result], again: Sequence[Result]) -> Bar:
    text = "the same command and seed give the same numbers on the same machine"
    said, good = [], []
    for second in again:
        for one in first:
            if (one.job, one.machine) == (second.job, second.machine):
                same = not differing(one, second)
                changed = "" if same or one.commit == second.commit else " at another commit"
                said.append(f"{one.job.name}: {'the same' if same else 'others'}{changed}")
                good += [] if changed else [same]
    return Bar(text, _verdict(good, wanted=max(1, len(good)), of=max(1, len(good))), "; ".join(said))


def _verdict(good: Sequence[bool], wanted: int, of: int) -> Verdict:
    """Judge what is to hold on `wanted` of `of` cases; `good` says of those that ran whether it does."""
    if sum(good) >= wanted:
        return "met"
    return "not met" if of - good.count(False) < wanted else "not run"


def _of(table: Iterable[Row], method: str) -> list[Row]:
    return [row for row in table if row.method == method]


def _pairs(table: Sequence[Row], method: str) -> list[tuple[Row, Row]]:
    """Return our row of each task with that of another method on it."""
    base = {row.file: row for row in _of(table, method)}
    return [(row, base[row.file]) for row in _of(table, _OURS) if row.file in base]


def _curve(row: Row) -> list[tuple[SuccessRate, float]]:
    """Return success and mean labels after each training, all seeds together."""
    return [
        (success_rate([ok for point in same for ok in point.success]), _mean(point.labels for point in same))
        for same in zip(*(result.result.points for result in row.results), strict=True)
    ]


def _training_s(row: Row) -> float:
    return _mean(result.result.training_s for result in row.results)


def _online_ms(row: Row) -> float:
    return _mean(r.result.online_batch_ms for r in row.results if r.result.online_batch_ms is not None)


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
