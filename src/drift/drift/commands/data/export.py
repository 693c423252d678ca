"""`drift data export`: episodes as data of another format."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from drift.data.opening import StoreArgument, open_store
from drift.errors import UserError


def main(
    store: StoreArgument,
    destination: Annotated[Path, typer.Argument(help="a new folder")],
    form: Annotated[str, typer.Option("--format", help="what it becomes")],
    options: Annotated[
        str, typer.Option(help='of the format, as in a YAML file: "key: value, key: value"')
    ] = "",
    kinds: Annotated[
        str, typer.Option(help="kinds of episodes that go with it, with commas between them")
    ] = "demonstration,intervention",
) -> None:
    """Write the episodes of a store as data of another format. The store stays as it is.

    Example: drift data export runs/monday monday_set --format lerobot
    """
    from typing import get_args

    from drift_config.loader import parse
    from drift_config.yaml_file import read_text
    from drift_core.episodes import EpisodeKind
    from drift_formats.exporting import export_episodes
    from drift_formats.formats import format_named

    from drift.data.others import cell_of

    chosen = format_named(form)
    settings = parse(read_text(f"{{{options}}}", "--options"), chosen.ExportOptions, "--options")
    wanted = [kind.strip() for kind in kinds.split(",")]
    if unknown := set(wanted).difference(get_args(EpisodeKind)):
        raise UserError(
            f"kinds={kinds} must be some of {', '.join(get_args(EpisodeKind))}, not {unknown.pop()!r}"
        )
    episodes = open_store(store)
    ids = [episode_id for episode_id in episodes.ids() if episodes.meta(episode_id).kind in wanted]
    if not ids:
        raise UserError(f"store={store} must hold episodes of these kinds: {', '.join(wanted)}")
    console = Console()
    export_episodes(
        episodes,
        track(ids, "export", console=console),
        cell_of,
        destination,
        chosen,
        settings,
        lambda text: console.print(text, markup=False, soft_wrap=True),
    )
    left = len(episodes.ids()) - len(ids)
    rest = f"; {left} of other kinds stay out (--kinds)" if left else ""
    console.print(f"{destination}: {len(ids)} episodes{rest}", markup=False, soft_wrap=True)
