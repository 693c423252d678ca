"""One page about a study: its table, success against labels, and what it takes to run it again."""

import html
from collections.abc import Sequence
from pathlib import Path

from drift_core.intervals import success_rate
from matplotlib.axes import Axes

from drift.experiment import durations, recovery
from drift.experiment.budget import BudgetName
from drift.experiment.methods import METHODS
from drift.experiment.results import Result
from drift.experiment.study import Study
from drift.experiment.table import cells, rows
from drift.experiment.task import StudyTask
from drift.html_page import inline_svg, page, table

_CLONING = (
    "Behaviour cloning has as many further demonstrations in place of the corrected episodes, and all "
    "gradient steps at once."
)


def write_page(path: Path, study: Study, budget_name: BudgetName, results: Sequence[Result]) -> None:
    """Write the page; it stands alone."""
    parts = [
        f"<h1>{html.escape(study.title)}</h1>",
        f"<p class=lead>{html.escape(lead(study, budget_name))}</p>",
        table(budgets(study, results)),
        table(cells(found := rows(study, budget_name, results))),
        *(table(more) for more in (recovery.cells(found), durations.cells(study, found)) if len(more) > 1),
        "<h2>Success against labels</h2><div class=row>",
        *(_figure(study, file.task, results) for file in study.files),
        "</div><h2>Faults of environments</h2>",
        table([("job", "fault"), *_faults(results)]) if _faults(results) else "<p>none</p>",
        "<h2>Where these numbers come from</h2>",
        table([("command", "commit", "machine", "jobs"), *origins(results)]),
    ]
    path.write_text(page(study.title, parts), encoding="utf-8")


def lead(study: Study, name: BudgetName) -> str:
    """Say what is equal between methods."""
    parts = [
        f"Budget {name}, on each task the same for every method.",
        study.about,
        _CLONING if "bc" in study.methods else "",
        "All policies are rolled out from the same places.",
    ]
    return " ".join(part for part in parts if part)


def budgets(study: Study, results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return how much of everything the jobs of each task did, its head first."""
    lines: list[tuple[str, ...]] = [
        ("task", "demonstrations", "corrected episodes", "gradient steps", "rollouts of each policy")
    ]
    found = {result.job.task: result.job.budget for result in results}
    for file in study.files:
        if budget := found.get(file.task):
            more = f", of the last {budget.at_the_end}" if budget.at_the_end != budget.evaluations else ""
            lines.append(
                (
                    file.task.name,
                    str(budget.demonstrations),
                    f"{budget.episodes} in {budget.rounds} rounds",
                    f"{budget.offline_steps}, and {budget.online_steps} per round",
                    f"{budget.evaluations}{more}",
                )
            )
    return lines


def origins(results: Sequence[Result]) -> list[tuple[str, str, str, str]]:
    """Return command, commit and machine of the results, each once, with how many are of it."""
    found: dict[tuple[str, str, str], int] = {}
    for result in results:
        commit = result.commit[:12] + (" and changes" if result.changed else "")
        key = result.command, commit or "–", f"{result.machine.processor}, {result.machine.cores} cores"
        found[key] = found.get(key, 0) + 1
    return [(*key, str(count)) for key, count in found.items()]


def _figure(study: Study, task: StudyTask, results: Sequence[Result]) -> str:
    return f"<div>{inline_svg(lambda axes: _curve(axes, study, task, results))}</div>"


def _faults(results: Sequence[Result]) -> list[tuple[str, str]]:
    return [(result.job.name, fault) for result in results for fault in result.result.faults]


def _curve(axes: Axes, study: Study, task: StudyTask, results: Sequence[Result]) -> None:
    """Draw the mean success of all seeds after each training, over the labels."""
    for method in study.methods:
        done = [r.result for r in results if r.job.task == task and r.job.method == method]
        points = list(zip(*(result.points for result in done), strict=True))
        labels = [sum(p.labels for p in same) / len(same) for same in points]
        rates = [success_rate([ok for p in same for ok in p.success]) for same in points]
        if labels:
            errors = [[r.value - r.low for r in rates], [r.high - r.value for r in rates]]
            values, title = [r.value for r in rates], METHODS[method].title
            axes.errorbar(labels, values, errors, marker="o", capsize=3, label=title)
    axes.set(title=task.name, xlabel="labels of the expert", ylabel="success", ylim=(0, 1.02))
    if axes.lines:
        axes.legend(fontsize=7)
