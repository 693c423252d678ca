"""`drift data check`: read every file of every episode, and say what is wrong."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from drift.data.opening import JsonOption, StoreArgument, open_store

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeStore
    from drift_core.episodes.check import Problem

_WIDE = 1000


def main(
    store: StoreArgument,
    robot: Annotated[str | None, typer.Option(help="that they must be of, a file of config/robots")] = None,
    task: Annotated[str | None, typer.Option(help="that they must be of, a file of config/tasks")] = None,
    as_json: JsonOption = False,
) -> None:
    """Read every file whole: digests, columns, counts, stamps, images, and whether robot and task fit.

    A row for each problem. `broken`: not trained on, exit code 1. `note`: something of it is not used.
    Example: drift data check runs/mine
    """
    from drift_core.episodes.check import check_episode

    opened = open_store(store)
    ids, problems = opened.ids(), []
    for name in track(ids, "reading", console=Console(file=sys.stderr), transient=True):
        found = check_episode(opened.root / name)
        if not any(problem.broken for problem in found):
            found += _unfit(opened, name, robot, task)
        problems += found
    if as_json:
        print(json.dumps([asdict(problem) for problem in problems], indent=1))
    else:
        _print(opened, ids, problems)
    if any(problem.broken for problem in problems):
        raise typer.Exit(1)


def _unfit(store: "EpisodeStore", name: str, robot: str | None, task: str | None) -> "list[Problem]":
    """Say where an episode does not fit the robot and task that are asked for, else those that it names."""
    from drift_config.errors import DriftError
    from drift_core.episodes.check import Problem
    from drift_core.episodes.files import META_FILE

    from drift.data.origin_files import origin_files

    meta = store.meta(name)
    files = origin_files(robot or meta.robot, task or meta.task)
    cutter = files.cutter(store)
    if cutter is None:
        return [
            Problem(
                name, META_FILE, "robot, task", f"not compared: {files.unknown}", broken=bool(robot or task)
            )
        ]
    try:
        cutter.labels(name)
    except DriftError as error:
        return [Problem(name, META_FILE, "robot, task", str(error))]
    return []


def _print(store: "EpisodeStore", ids: list[str], problems: "list[Problem]") -> None:
    table = Table(*(Column(name, overflow="fold") for name in ("episode", "file", "key", "", "what")))
    for problem in problems:
        kind = "broken" if problem.broken else "note"
        table.add_row(problem.episode, problem.file, problem.key, kind, problem.text)
    console = Console()
    if not console.is_terminal:  # whole lines, for whatever reads them
        console = Console(width=_WIDE)
    if problems:
        console.print(table)
    broken = {problem.episode for problem in problems if problem.broken}
    text = f"{len(ids)} episodes read, {len(broken)} broken"
    if waiting := [path.name for path in store.quarantine.entries()]:
        text += f"; in quarantine: {', '.join(waiting)}"
    if broken or waiting:
        text += f"; drift data repair {store.root} mends what can be mended"
    print(text)
