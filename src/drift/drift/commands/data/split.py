"""`drift data split`: one store in several."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from drift.data.opening import StoreArgument, open_store
from drift.errors import UserError


def main(
    store: StoreArgument,
    into: Annotated[Path, typer.Argument(help="a new folder, for a store of each part")],
    by: Annotated[
        Literal["kind", "outcome", "task", "robot"] | None, typer.Option(help="a part for each value")
    ] = None,
    episodes: Annotated[
        str | None, typer.Option(help="ids with commas between: the parts chosen and rest", metavar="ID,…")
    ] = None,
    fraction: Annotated[
        float | None, typer.Option(help="of the episodes, drawn at random: the parts first and second")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the draw")] = 0,
) -> None:
    """Put the episodes of a store into several; the store stays as it is, and ids and held-out episodes, too.

    All parts are there at the end, or, where it is broken off, none.
    Example: drift data split runs/mine by_kind --by kind
    """
    from drift.data.splitting import by_description, by_fraction, by_ids, write_parts

    if sum(way is not None for way in (by, episodes, fraction)) != 1:
        raise UserError("say how: one of --by, --episodes, --fraction")
    opened = open_store(store)
    if not opened.ids():
        raise UserError(f"store={opened.root} must hold a finished episode, and has none")
    if by is not None:
        parts = by_description(opened, by)
    elif episodes is not None:
        parts = by_ids(opened, episodes.split(","))
    else:
        parts = by_fraction(opened, fraction or 0.0, seed)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("copy", total=len(opened.ids()))
        write_parts(opened, parts, into, lambda: progress.advance(bar))
    for part, names in parts.items():
        held_out = sum(map(opened.held_out, names))
        print(f"{into / part}: {len(names)} episodes, {held_out} held out of training")
