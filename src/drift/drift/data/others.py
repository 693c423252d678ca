"""Data of others as episodes of a store, with what the configuration knows of robots and tasks."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from drift.data.origin_files import origin_files
from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.episodes import EpisodeMeta, EpisodeStore
    from drift_formats.formats import Cell


def cell_of(meta: "EpisodeMeta") -> "Cell":
    """Return the arm and the task of an episode, as the configuration describes them now."""
    return cell_named(meta.robot, meta.task)


def cell_named(robot: str, task: str) -> "Cell":
    """Return an arm and a task; UserError names those that there are."""
    from drift_formats.formats import Cell

    origin = origin_files(robot, task)
    if origin.task is None:
        raise UserError(origin.unknown)
    if len(origin.task.names) > 1:
        raise UserError(f"task={task} must be one task: of several only a training is")
    return Cell(None if origin.task.action_space == "point" else origin.robot, origin.task)


def import_into(
    store: "EpisodeStore", source: Path, robot: str, task: str, source_map: Path | None, console: Console
) -> None:
    """Read `source` into `store` and say what became of each episode.

    `robot` and `task` may be empty where the data names them.
    """
    from drift_config.loader import load_yaml
    from drift_formats.formats import FORMATS, format_of
    from drift_formats.importing import import_episodes

    name = format_of(source)
    form = FORMATS[name]
    mapped = form.SourceMap() if source_map is None else load_yaml(source_map, form.SourceMap)
    named_robot, named_task = form.origin(source)
    for what, said, named in (("robot", robot, named_robot), ("task", task, named_task)):
        if said and named and said != named:
            raise UserError(f"{what}={said} must be that of {source}, {named}")
    robot, task = robot or named_robot, task or named_task
    remedy = f"`drift data import {source} {store.root} --templates FOLDER` writes the files to fill in"
    if missing := [option for option, value in (("--robot", robot), ("--task", task)) if not value]:
        raise UserError(
            f"{source} ({name}) does not name one robot and one task as ours: say {', '.join(missing)}; "
            f"of a robot or a task that has no file here: {remedy}"
        )
    try:
        cell = cell_named(robot, task)
    except UserError as error:
        raise UserError(f"{error}; {remedy}") from None
    became: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    with console.status(f"import of {source}") as status:
        for done in import_episodes(source, store, cell, form, mapped):
            became[done.became] += 1
            status.update(f"import of {source}: {became.total()} episodes")
            if done.became == "left out":
                left_out[done.remark] += 1
            elif done.remark:
                console.print(f"{done.episode_id}: {done.remark}", markup=False, soft_wrap=True)
    there = f", {became['known']} were there already" if became["known"] else ""
    there += "".join(f", {count} left out: {why}" for why, count in left_out.items())
    console.print(
        f"{store.root}: {became['new']} episodes of {robot}, {task} from {source} ({name}){there}",
        markup=False,
        soft_wrap=True,
    )
