"""One page about a study: its table, success against labels, and what it takes to run it again."""

import html
from collections.abc import Sequence
from pathlib import Path

from drift_core.intervals import success_rate
from matplotlib.axes import Axes

from drift.experiment.methods import METHODS
from drift.experiment.results import Result
from drift.experiment.study import Budget, BudgetName, Study
from drift.experiment.table import cells, rows
from drift.html_page import inline_svg, page, table


def write_page(path: Path, study: Study, budget_name: BudgetName, results: Sequence[Result]) -> None:
    """Write the page; it stands alone."""
    parts = [
        f"<h1>{html.escape(study.title)}</h1>",
        f"<p class=lead>{html.escape(lead(study.budget(budget_name), budget_name))}</p>",
        table(cells(rows(study, results))),
        "<h2>Success against labels</h2><div class=row>",
        *(_figure(study, task.name, results) for task in study.tasks),
        "</div><h2>Faults of environments</h2>",
        table([("job", "fault"), *_faults(results)]) if _faults(results) else "<p>none</p>",
        "<h2>Where these numbers come from</h2>",
        table([("command", "commit", "machine", "jobs"), *origins(results)]),
    ]
    path.write_text(page(study.title, parts), encoding="utf-8")


def lead(budget: Budget, name: BudgetName) -> str:
    """Say how much of everything each job did."""
    return (
        f"Budget {name}, the same for every method: {budget.demonstrations} demonstrations, "
        f"{budget.episodes} corrected episodes in {budget.rounds} rounds (behaviour cloning: as many further "
        f"demonstrations), {budget.offline_steps} gradient steps and {budget.online_steps} per round "
        f"(behaviour cloning: all at once), {budget.evaluations} rollouts of each policy from equal places."
    )


def origins(results: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """Return command, commit and machine of the results, each once, with how many are of it."""
    found: dict[tuple[str, str, str], int] = {}
    for result in results:
        commit = result.commit[:12] + (" and changes" if result.changed else "")
        key = result.command, commit or "–", f"{result.machine.processor}, {result.machine.cores} cores"
        found[key] = found.get(key, 0) + 1
    return [(*key, str(count)) for key, count in found.items()]


def _figure(study: Study, task: str, results: Sequence[Result]) -> str:
    return f"<div>{inline_svg(lambda axes: _curve(axes, study, task, results))}</div>"


def _faults(results: Sequence[Result]) -> list[tuple[str, str]]:
    return [(result.job.name, fault) for result in results for fault in result.result.faults]


def _curve(axes: Axes, study: Study, task: str, results: Sequence[Result]) -> None:
    """Draw the mean success of all seeds after each training, over the labels."""
    for method in study.methods:
        done = [r.result for r in results if r.job.task.name == task and r.job.method == method]
        points = list(zip(*(result.points for result in done), strict=True))
        labels = [sum(p.labels for p in same) / len(same) for same in points]
        rates = [success_rate([ok for p in same for ok in p.success]) for same in points]
        if labels:
            errors = [[r.value - r.low for r in rates], [r.high - r.value for r in rates]]
            values, title = [r.value for r in rates], METHODS[method].title
            axes.errorbar(labels, values, errors, marker="o", capsize=3, label=title)
    axes.set(title=task, xlabel="labels of the expert", ylabel="success", ylim=(0, 1.02))
    if axes.lines:
        axes.legend(fontsize=7)
