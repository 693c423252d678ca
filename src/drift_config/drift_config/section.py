"""A mapping that knows in which file and line each of its keys stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from drift_config.errors import ConfigError

Location = tuple[str | int, ...]  # keys and list positions, from the outside in


class KeyPlace(NamedTuple):
    """A line of a file, or something without lines."""

    file: str
    line: int = 0  # from 1; 0: none

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class FileFault:
    """Something that is refused: where, and a sentence with the key, its value and what is allowed."""

    location: Location
    text: str


class Section(dict[str, Any]):
    """Plain data of a file, of a part of it, or put together from several; `of` begins every complaint."""

    def __init__(self, data: Mapping[str, Any], places: Mapping[Location, KeyPlace], of: str = "") -> None:
        super().__init__(data)
        self.places, self.of = places, of

    def place(self, location: Location) -> KeyPlace:
        """Return where `location` stands, or else the innermost key around it."""
        while location not in self.places:
            location = location[:-1]
        return self.places[location]

    def section(self, key: str) -> "Section":
        """Return what stands under `key`, as a section of its own; ConfigError unless it is a mapping."""
        if not isinstance(self.get(key), dict):
            refuse(
                self, "", [FileFault((key,), f"{key}={self.get(key)!r} must be a mapping of keys to values")]
            )
        inside = {at[1:]: place for at, place in self.places.items() if at[:1] == (key,)}
        return Section(self[key], inside, of=f"{self.of}{key}.")


def refuse(data: Any, source: str, faults: Iterable[FileFault]) -> None:
    """Raise one ConfigError with all `faults`, a line each, with their places or, where unknown, `source`."""
    if isinstance(data, Section):
        placed = sorted((data.place(fault.location), fault.text) for fault in faults)
        lines = [f"{place}: {data.of}{text}" for place, text in placed]
    else:
        lines = [f"{source}: {fault.text}" for fault in faults]
    if lines:
        raise ConfigError("\n".join(dict.fromkeys(lines)))


def dotted(location: Iterable[str | int]) -> str:
    """Return a location as it is written in messages: cameras[0].width."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
