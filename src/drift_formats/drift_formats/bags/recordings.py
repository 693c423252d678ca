"""The episodes in bags: each bag holds one."""

from collections.abc import Iterator
from pathlib import Path

from drift_core.errors import DataError

from drift_formats.bags.foreign_episode import ForeignEpisode
from drift_formats.bags.layout import is_bag
from drift_formats.bags.own_episode import OwnEpisode, note_in
from drift_formats.bags.reader import BagReader
from drift_formats.bags.topic_map import TopicMap
from drift_formats.format import UNKNOWN, Cell, Recording, Template


def bags_in(source: Path) -> list[Path]:
    """Return a bag itself, or the bags in a folder, sorted."""
    if is_bag(source):
        return [source]
    return [path for path in sorted(source.iterdir()) if path.is_dir() and is_bag(path)]


def read_origin(source: Path) -> tuple[str, str]:
    """Return robot and task of bags of ours, where it is one of each, else nothing."""
    notes = [note_in(bag) for bag in bags_in(source)]
    named = {("", "") if note is None else (note.episode.robot, note.episode.task) for note in notes}
    return named.pop() if len(named) == 1 else ("", "")


def map_template(source: Path) -> Template:
    """Return a map of the topics of a bag, the first one in a folder, for a person to fill in."""
    bag = bags_in(source)[0]
    topics = "\n".join(f"#   {name}: {kind}" for name, kind in sorted(BagReader(bag).topics().items()))
    text = f"""\
# What the topics of {bag.name} mean (docs/data.md). Replace each {UNKNOWN} by a topic of its own; there are
{topics}
cameras: {{"{UNKNOWN}": "{UNKNOWN}"}} # each camera of the task: its topic
joint_states: ["{UNKNOWN}"] # arm and gripper
command: "{UNKNOWN}" # what the arm was told
gripper_command: "" # the opening that it was told [m]; empty: the one measured
"""
    return Template("map", bag.stem, text)


def read_recordings(source: Path, cell: Cell, topic_map: TopicMap) -> Iterator[Recording]:
    """Yield the episodes of bags for a robot and a task; DataError where they do not fit."""
    for bag in bags_in(source):
        if (note := note_in(bag)) is not None:
            own = OwnEpisode(bag, note, cell)
            yield Recording(own.meta, own.fill)
        elif not topic_map.cameras and not topic_map.joint_states:
            raise DataError(
                f"{bag}: is of others; say in --map which topics it has: {TopicMap.example(cell)}"
            )
        else:
            foreign = ForeignEpisode(bag, topic_map, cell)
            yield Recording(foreign.meta, foreign.fill)
