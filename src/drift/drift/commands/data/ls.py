"""`drift data ls`: the episodes of a store, a line each."""

import typer
from rich.console import Console
from rich.table import Column, Table

from drift.data.opening import StoreArgument, open_store

_WIDE = 1000


def main(store: StoreArgument) -> None:
    """List the episodes: kind, outcome, length, labels and take-overs, and which are never trained on."""
    from drift_core.errors import DataError

    episodes = open_store(store)
    rest = ("kind", "outcome", "seconds", "steps", "labels", "take-overs", "held out")
    table = Table(Column("episode", overflow="fold"), *(Column(name, no_wrap=True) for name in rest))
    broken = []
    for episode_id in episodes.ids():
        try:
            meta = episodes.meta(episode_id)
        except DataError as error:
            broken.append(str(error))
            continue
        numbers = (meta.steps, meta.expert_steps, meta.interventions)
        held = "yes" if episodes.held_out(episode_id) else ""
        table.add_row(meta.id, meta.kind, meta.outcome, f"{meta.duration_s:.1f}", *map(str, numbers), held)
    console = Console()
    if not console.is_terminal:  # whole lines, for whatever reads them
        console = Console(width=_WIDE)
    console.print(table)
    for line in broken:
        typer.echo(line, err=True)
    if broken:
        raise typer.Exit(1)
