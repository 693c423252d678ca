"""`drift data stats`: a whole store in numbers."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from drift.data.opening import JsonOption, StoreArgument, check_figure, open_store
from drift.errors import UserError

if TYPE_CHECKING:
    from drift.data.columns import ColumnStatistics
    from drift.data.store_statistics import GroupStatistics


def main(
    store: StoreArgument,
    out: Annotated[
        Path | None, typer.Option(help="draw corrections, labels and success over time (.png, .pdf, .svg)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sum a store up for each robot and task: length, labels, success, actions, states, corrections.

    What cannot be read is named, and the rest counted: exit code 1. Example: drift data stats runs/mine
    """
    from drift.data.store_statistics import store_statistics

    check_figure(out)
    opened = open_store(store)
    if not opened.ids():
        raise UserError(f"store={opened.root} must hold a finished episode, and has none")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("episodes")
        groups, broken = store_statistics(
            opened, lambda done, of: progress.update(bar, completed=done, total=of)
        )
    if as_json:
        print(json.dumps({"groups": [asdict(group) for group in groups], "broken": broken}, indent=1))
    else:
        for group in groups:
            _print(group)
    if out is not None and groups:
        from drift.data.statistics_figure import draw_statistics

        draw_statistics(groups, out)
        typer.echo(f"figure: {out}", err=as_json)
    for line in broken:
        typer.echo(line, err=True)
    if broken:
        raise typer.Exit(1)


def _print(group: "GroupStatistics") -> None:
    labels = sum(group.labels_by_kind.values())
    idle = f", {group.idle_labels / labels:.0%} of them idle" if labels else ""
    corrected = [row for row in group.rows if row.kind == "intervention"]
    minutes = sum(row.minutes for row in corrected)
    lines = {
        "episodes": f"{_listed(group.episodes_by_kind)}; {group.held_out} held out of training",
        "minutes": f"{group.minutes:.1f}: {_listed(group.minutes_by_driver, '.1f')}",
        "outcomes": _listed(group.outcomes),
        **{f"success, {kind}": str(rate) for kind, rate in group.success_by_kind.items()},
        "without help": "" if group.unaided is None else str(group.unaided),
        "labels": f"{labels}: {_listed(group.labels_by_kind)}{idle}",
        "corrections": f"{sum(row.take_overs for row in corrected) / minutes:.2f} per minute"
        if minutes
        else "",
        "image mean": "; ".join(
            f"{camera} R {colour[0]:.0f} G {colour[1]:.0f} B {colour[2]:.0f}"
            for camera, colour in group.image_mean.items()
        )
        + f" (of 255, {group.images_read} frames)" * bool(group.image_mean),
    }
    print(f"{group.robot}, {group.task}: {group.episodes} episodes")
    width = max(map(len, lines)) + 1
    for title, text in lines.items():
        if text:
            print(f"  {title:<{width}} {text}")
    console = Console(width=None if Console().is_terminal else 110)
    for what, columns in (("action, while driven", group.actions), ("measured", group.states)):
        if columns:
            console.print(_table(what, columns))
    for episode_id, remark in group.remarks.items():
        print(f"  {episode_id}: {remark}")
    print()


def _table(title: str, columns: "list[ColumnStatistics]") -> Table:
    numbers = ("min", "1 %", "median", "99 %", "max", "mean", "std")
    table = Table(f"{title}, {columns[0].rows} steps")
    for number in numbers:
        table.add_column(number, justify="right")
    for of in columns:
        values = (of.minimum, of.q01, of.median, of.q99, of.maximum, of.mean, of.std)
        table.add_row(of.name.replace("[", "\\["), *(f"{value:.3f}" for value in values))
    return table


def _listed(counts: dict[str, int] | dict[str, float], form: str = "d") -> str:
    return ", ".join(f"{count:{form}} {name}" for name, count in sorted(counts.items())) or "none"
