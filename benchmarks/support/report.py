"""What every benchmark has in common: one table on the terminal, and the same rows as JSON."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

Row = Mapping[str, str | int | float | None]


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the rows to this file, too")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: at most 60 s on 2 cores")
    return parser


def report(title: str, rows: Sequence[Row], path: Path | None) -> None:
    """Print `rows` as one table; write them to `path` if given."""
    table = Table(title=title)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    for key in keys:
        number = isinstance(rows[0].get(key), float | int)
        table.add_column(key, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_shown(row.get(key)) for key in keys))
    Console(width=max(100, 14 * len(keys))).print(table)
    write_rows(rows, path)


def write_rows(rows: Sequence[Row], path: Path | None) -> None:
    """Write `rows` to `path` if given: a benchmark that takes long does so after each row."""
    if path is not None:
        path.write_text(json.dumps([dict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def _shown(value: str | int | float | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100.0 else f"{value:.0f}"
    return str(value)
