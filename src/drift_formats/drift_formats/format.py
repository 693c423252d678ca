"""What the file of a format offers: episodes as its data, and its data as episodes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from drift_control.robot.robot import Robot
from drift_core.episodes import Episode, EpisodeMeta, EpisodeWriter, OutcomeName
from drift_core.task import TaskConfig


@dataclass(frozen=True, eq=False)
class Cell:
    """The arm and the task that give an episode its meaning."""

    arm: Robot | None  # None for a task whose action space is "point"
    task: TaskConfig


@dataclass(frozen=True)
class Ending:
    """How an episode from elsewhere ended."""

    outcome: OutcomeName
    score: float | None = None
    remark: str = ""  # what of it is lost or was assumed, in words


@dataclass(frozen=True, eq=False)
class Recording:
    """An episode that can be read from elsewhere."""

    meta: EpisodeMeta  # as at the beginning of a recording
    fill: Callable[[EpisodeWriter], Ending]  # adds all its samples, in any order of the three kinds


UNKNOWN = "?"  # in a Template: what a person must say


@dataclass(frozen=True)
class Template:
    """A file that is to be filled in, so that data can be read."""

    kind: Literal["robot", "task", "map"]
    name: str  # of the robot or task, or of the data
    text: str  # YAML; what the data does not say is UNKNOWN
    beside: str = ""  # what else is to be written, in words


class Format(Protocol):
    """What the file of a format offers. A DataError names the file, and the key or the value in it."""

    ExportOptions: type[Any]  # a STRICT dataclass with a default for everything: how it is written
    SourceMap: type[Any]  # the same: what in somebody else's data means what

    def recognises(self, source: Path) -> bool:
        """Whether `source` looks like data of this format."""

    def export(
        self,
        episodes: Iterable[tuple[Cell, Episode]],
        folder: Path,
        options: Any,
        say: Callable[[str], None],
    ) -> None:
        """Write `episodes` into the empty `folder`; `say` is told what of them is lost, in words."""

    def origin(self, source: Path) -> tuple[str, str]:
        """Return the robot and the task that `source` names as ours, each empty where it names none."""

    def templates(self, source: Path) -> list[Template]:
        """Return the files that a person must write to read `source`, begun from what it says itself."""

    def recordings(self, source: Path, cell: Cell, source_map: Any) -> Iterator[Recording]:
        """Yield the episodes of `source`, to be read one after the other."""
