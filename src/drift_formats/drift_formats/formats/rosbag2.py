"""Bags of rosbag2: one for each episode out; ours and somebody else's in."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from drift_core.episodes import Episode

from drift_formats.bags.export import ExportOptions, export_bags
from drift_formats.bags.layout import is_bag
from drift_formats.bags.recordings import bags_in, map_template, read_origin, read_recordings
from drift_formats.bags.topic_map import TopicMap as SourceMap
from drift_formats.format import Cell, Recording, Template

__all__ = ["ExportOptions", "SourceMap", "export", "origin", "recognises", "recordings", "templates"]


def recognises(source: Path) -> bool:
    """Whether `source` is a bag, or a folder of bags."""
    return is_bag(source) or (source.is_dir() and bool(bags_in(source)))


def export(
    episodes: Iterable[tuple[Cell, Episode]],
    folder: Path,
    options: ExportOptions,
    say: Callable[[str], None],
) -> None:
    """Write a bag for each of `episodes`."""
    export_bags(episodes, folder, options, say)


def origin(source: Path) -> tuple[str, str]:
    """Return robot and task of bags of ours, else nothing."""
    return read_origin(source)


def templates(source: Path) -> list[Template]:
    """Return the map of a bag."""
    return [map_template(source)]


def recordings(source: Path, cell: Cell, source_map: SourceMap) -> Iterator[Recording]:
    """Yield an episode for each bag."""
    return read_recordings(source, cell, source_map)
