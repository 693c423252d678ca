"""ROS parameter files: which section holds for which node, and what a node is told in the end.

The rule is that of ROS 2. A section is named by the node's full name, with or without the first slash; in
it `*` stands for one name and `**` for any number, also none. Names may be nested mappings as well. Every
section whose name fits counts, however exact it is. Of two that say the same, the one wins whose name came up
later, counted over all files in their order; what `-p` says comes last, as if it stood in `/**`. Nested
parameters are joined by dots.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_config.section import FileFault, KeyPlace, Location, Section
from drift_config.yaml_file import read_with_faults

PARAMETERS = "ros__parameters"
_PATTERN = {"**": r"(/\w+)*", "*": r"/\w+"}


def fits(section: str, node: str) -> bool:
    """Return whether the section named `section` holds for the node with the full name `node`."""
    parts = [_PATTERN.get(part, f"/{re.escape(part)}") for part in section.split("/") if part]
    return re.fullmatch("".join(parts), node) is not None


@dataclass(frozen=True)
class ParameterFile:
    """What a file says, and what must be refused of it."""

    content: Section
    sections: dict[str, Section]  # parameters by the name of the section, with a slash first
    places: dict[str, Location]  # where each stands in `content`
    faults: list[FileFault]


def read_parameter_file(path: Path) -> ParameterFile:
    """Read a file; ConfigError where it is no YAML."""
    content, faults = read_with_faults(path)
    found = list(_sections(content, (), "", faults))
    sections: dict[str, Section] = {}
    for name, at, section in found:
        if name in sections:
            faults.append(FileFault(at, f"section {name} is given twice, also in other words"))
        sections[name] = section
    return ParameterFile(content, sections, {name: at for name, at, _ in found}, faults)


def merged(files: Iterable[ParameterFile], given: Mapping[str, Any], node: str) -> Section:
    """Return what the node with the full name `node` is told by `files`, in their order, and by `given`."""
    said: dict[str, dict[str, tuple[Any, dict[Location, KeyPlace]]]] = {}
    for file in files:
        for name, section in file.sections.items():
            for key, value in section.items():
                places = {at: place for at, place in section.places.items() if at[:1] == (key,)}
                said.setdefault(name, {})[key] = (value, places)
    for key, value in given.items():
        said.setdefault("/**", {})[key] = (value, {})
    told: dict[str, tuple[Any, dict[Location, KeyPlace]]] = {}
    for name, values in said.items():
        if fits(name, node):
            told.update(values)
    places = {(): KeyPlace("parameters")}
    for _, of_key in told.values():
        places.update(of_key)
    return Section({key: value for key, (value, _) in told.items()}, places, of=f"{node}: ")


def _sections(
    content: Section, above: Location, name: str, faults: list[FileFault]
) -> Iterator[tuple[str, Location, Section]]:
    """Find all sections in `content`, which stands at `above` in the file and belongs to the name `name`."""
    for key, value in content.items():
        at = (*above, key)
        if key == PARAMETERS:
            if not isinstance(value, dict) or not name:
                faults.append(
                    FileFault(at, f"{name or '/'}: {PARAMETERS} must be a mapping below a node's name")
                )
            else:
                yield name, at, _flat(content.section(key), at, faults)
        elif isinstance(value, dict) and value:
            yield from _sections(content.section(key), at, f"{name}/{key.strip('/')}", faults)
        else:
            must = f"must be {PARAMETERS}, or a name that holds it"
            faults.append(FileFault(at, f"{name}/{key.strip('/')}={value!r} {must}"))


def _flat(section: Section, above: Location, faults: list[FileFault]) -> Section:
    """Return nested parameters under names joined by dots, as ROS does."""
    data: dict[str, Any] = {}
    places: dict[Location, KeyPlace] = {(): section.place(())}
    for key, value in section.items():
        nested = isinstance(value, dict) and value
        inner = _flat(section.section(key), (*above, key), faults) if nested else {(): value}
        for rest, item in inner.items():
            name = f"{key}.{rest}" if nested else key
            if name in data:
                faults.append(FileFault((*above, key), f"{name} is given twice, also with dots in its name"))
            data[name] = item
            source = inner.places if isinstance(inner, Section) else section.places
            inside = (rest,) if nested else (key,)
            places |= {(name, *at[1:]): place for at, place in source.items() if at[:1] == inside}
    return Section(data, places)
