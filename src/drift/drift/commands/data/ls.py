"""`drift data ls`: the episodes of a store, a line each."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Column, Table

from drift.data.opening import JsonOption, StoreArgument, open_store

_WIDE = 1000


def main(store: StoreArgument, as_json: JsonOption = False) -> None:
    """List the episodes: kind, outcome, length, take-overs, steps by the expert, and which are held out.

    What cannot be read is named beside the rest: exit code 1. Example: drift data ls runs/mine --json
    """
    from drift_core.errors import DataError

    episodes = open_store(store)
    rest = ("kind", "outcome", "seconds", "steps", "by the expert", "take-overs", "held out")
    table = Table(Column("episode", overflow="fold"), *(Column(name, no_wrap=True) for name in rest))
    rows, broken = [], []
    for episode_id in episodes.ids():
        try:
            meta = episodes.meta(episode_id)
        except DataError as error:
            broken.append(str(error))
            continue
        rows.append(asdict(meta) | {"held_out": episodes.held_out(episode_id)})
        numbers = (meta.steps, meta.expert_steps, meta.interventions)
        held = "yes" if episodes.held_out(episode_id) else ""
        outcome = f"{meta.outcome}, repaired" if meta.repaired else meta.outcome
        table.add_row(meta.id, meta.kind, outcome, f"{meta.duration_s:.1f}", *map(str, numbers), held)
    console = Console()
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        # whole lines, for whatever reads them
        (console if console.is_terminal else Console(width=_WIDE)).print(table)
    for line in broken:
        typer.echo(line, err=True)
    if broken:
        raise typer.Exit(1)
