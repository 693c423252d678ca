"""`drift data import`: data of another format as episodes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drift.data.opening import store_root


def main(
    source: Annotated[Path, typer.Argument(help="a file or folder of others; its format is recognised")],
    store: Annotated[Path, typer.Argument(help="a folder of episodes, or a run; a new one is made")],
    robot: Annotated[str, typer.Option(help="a file of config/robots; empty: what the data names")] = "",
    task: Annotated[str, typer.Option(help="a file of config/tasks; empty: what the data names")] = "",
    source_map: Annotated[
        Path | None, typer.Option("--map", help="a YAML file: what in the data means what")
    ] = None,
    templates: Annotated[
        Path | None,
        typer.Option(help="read nothing; write robot, task and map of the data here, to be filled in"),
    ] = None,
) -> None:
    """Read somebody's data into a store. What is there already stays, and is not read again.

    Example: drift data import pusht runs/pusht --robot panda --task place --map pusht.yaml
    """
    from drift_core.episodes import EpisodeStore

    from drift.data.others import import_into
    from drift.data.templates import write_templates

    if templates is not None:
        write_templates(source, templates, robot, task, Console())
        return
    import_into(EpisodeStore(store_root(store)), source, robot, task, source_map, Console())
