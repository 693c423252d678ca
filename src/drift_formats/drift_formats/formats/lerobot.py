"""LeRobot's data sets: v3.0 out, v3.0 and v2.1 in."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from drift_core.episodes import Episode

from drift_formats.format import Cell, Recording, Template
from drift_formats.lerobot.export import ExportOptions, export_set
from drift_formats.lerobot.recordings import read_origin, read_recordings
from drift_formats.lerobot.set_files import INFO_FILE
from drift_formats.lerobot.source_map import SourceMap
from drift_formats.lerobot.templates import templates_of

__all__ = ["ExportOptions", "SourceMap", "export", "origin", "recognises", "recordings", "templates"]


def recognises(source: Path) -> bool:
    """Whether `source` is a folder with LeRobot's description in it."""
    return (source / INFO_FILE).is_file()


def export(
    episodes: Iterable[tuple[Cell, Episode]],
    folder: Path,
    options: ExportOptions,
    say: Callable[[str], None],
) -> None:
    """Write `episodes` as a set of v3.0."""
    export_set(episodes, folder, options, say)


def origin(source: Path) -> tuple[str, str]:
    """Return robot and task of a set that `export` has written, else nothing."""
    return read_origin(source)


def templates(source: Path) -> list[Template]:
    """Return robot, task and map of a set."""
    return templates_of(source)


def recordings(source: Path, cell: Cell, source_map: SourceMap) -> Iterator[Recording]:
    """Yield the episodes of a set."""
    return read_recordings(source, cell, source_map)
