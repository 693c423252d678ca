"""`docs/results.md`, made from the result files that are committed."""

from pathlib import Path

from drift.configuration import share_folder
from drift.experiment import durations, recovery, results
from drift.experiment.bars import bars
from drift.experiment.budget import BudgetName
from drift.experiment.page import budgets, lead, origins
from drift.experiment.results import Result
from drift.experiment.study import Study, folder, load_study
from drift.experiment.table import cells, on_the_way, rows

_HEAD = """# Results of studies

Made by `drift experiment results` from the files of `experiments/results/`; not to be edited. A study that
has not run stands here without numbers. Success is with its 95 % Wilson interval over all rollouts of all
seeds; differences are paired by seed and place, with a 95 % bootstrap interval and the exact McNemar p,
adjusted by Holm for the table. Labels are those of the expert; times are of the machine named.
"""
_WANTED = """
## What is wanted, and whether it is met

Of the full budgets; not run: not on enough tasks, or not with all seeds. `experiments/results/again.jsonl`
has jobs that were run once more (`drift experiment NAME --again`).

"""
_BUDGETS: tuple[BudgetName, ...] = ("full", "quick")


def write_document() -> Path:
    """Write docs/results.md anew and return its path."""
    path = share_folder() / "docs" / "results.md"
    path.write_text(document(), encoding="utf-8")
    return path


def document() -> str:
    """Return what docs/results.md must be; ConfigError for a result file that is wrong."""
    studies = [load_study(path.stem) for path in sorted(folder().glob("*.yaml"))]
    found = {(study.name, name): _found(study, name) for study in studies for name in _BUDGETS}
    again = folder() / "results" / "again.jsonl"
    repeated = results.read(again) if again.is_file() else []
    judged = [(bar.text, bar.verdict, bar.why) for bar in bars(studies, found, repeated)]
    text = _HEAD + _WANTED
    text += _markdown([("bar", "verdict", "by what"), *judged])
    return text + "".join(_section(study, name, found) for study in studies for name in _BUDGETS)


def _found(study: Study, name: BudgetName) -> list[Result]:
    path = folder() / "results" / f"{study.name}_{name}.jsonl"
    found = results.read(path) if path.is_file() else []
    results.check_equal(found, study, str(path))
    return found


def _section(study: Study, name: BudgetName, results_of: dict[tuple[str, BudgetName], list[Result]]) -> str:
    found = results_of[study.name, name]
    text = f"\n## {study.title}\n" if name == _BUDGETS[0] else ""
    ran = {result.job.task for result in found}
    for file in study.files:
        if file.task not in ran:
            command = f"drift experiment {study.name} --budget {name} --task {file.name}"
            text += f"\nBudget {name}: {file.task.name} has not run. `{command}`\n"
    if found:
        text += f"\n{lead(study, name)}\n\n" + _markdown(budgets(study, found))
        table = [row for row in rows(study, name, found) if row.file.task in ran]
        text += "\n" + _markdown(cells(table))
        if len(curves := on_the_way(table)) > 1:
            text += "\n" + _markdown(curves)
        for more in (recovery.cells(table), durations.cells(study, table)):
            text += "\n" + _markdown(more) if len(more) > 1 else ""
        text += "\n" + _markdown([("command", "commit", "machine", "jobs"), *origins(found)])
    return text


def _markdown(lines: list[tuple[str, ...]]) -> str:
    head, *rest = ("| " + " | ".join(line) + " |\n" for line in lines)
    return head + "|" + "---|" * len(lines[0]) + "\n" + "".join(rest)
