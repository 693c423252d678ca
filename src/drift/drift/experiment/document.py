"""`docs/results.md`, made from the result files that are committed."""

from pathlib import Path

from drift.configuration import share_folder
from drift.experiment import results
from drift.experiment.page import lead, origins
from drift.experiment.study import Study, folder, load_study
from drift.experiment.table import cells, rows

_HEAD = """# Results of studies

Made by `drift experiment results` from the files of `experiments/results/`; not to be edited. A study that
has not run stands here without numbers. Success is with its 95 % Wilson interval over all rollouts of all
seeds; differences are paired by seed and place, with a 95 % bootstrap interval and the exact McNemar p,
adjusted by Holm for the table. Labels are those of the expert; times are of the machine named.
"""


def write_document() -> Path:
    """Write docs/results.md anew and return its path."""
    path = share_folder() / "docs" / "results.md"
    path.write_text(document(), encoding="utf-8")
    return path


def document() -> str:
    """Return what docs/results.md must be; ConfigError for a result file that is wrong."""
    studies = (load_study(path.stem) for path in sorted(folder().glob("*.yaml")))
    return _HEAD + "".join(_section(study) for study in studies)


def _section(study: Study) -> str:
    text = f"\n## {study.title}\n"
    files = [(name, folder() / "results" / f"{study.name}_{name}.jsonl") for name in ("full", "quick")]
    for name, path in files:
        if not path.is_file():
            text += f"\nBudget {name}: has not run. `drift experiment {study.name} --budget {name}`\n"
            continue
        found = results.read(path)
        text += f"\n{lead(found[0].job.budget, found[0].budget_name)}\n\n"
        text += _markdown(cells(rows(study, found)))
        text += "\n" + _markdown([("command", "commit", "machine", "jobs"), *origins(found)])
    return text


def _markdown(lines: list[tuple[str, ...]]) -> str:
    head, *rest = ("| " + " | ".join(line) + " |\n" for line in lines)
    return head + "|" + "---|" * len(lines[0]) + "\n" + "".join(rest)
