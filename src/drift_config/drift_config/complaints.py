"""The one translator of pydantic's findings: which key, its value, and what it must be."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from drift_config.section import FileFault, Location, Section, dotted

_NAMED = re.compile(r"(?:^|\s)([A-Za-z_]\w*(?:\[\d+\]|\.[A-Za-z_]\w*)*)(?=[=: ])")
_FEW = 8  # so many names are listed; of more, the nearest
_PART = re.compile(r"\w+")


def complaints(error: ValidationError, config_type: Any, data: Any, above: Location = ()) -> list[FileFault]:
    """Return all that pydantic found when `data` should become `config_type`."""
    found: list[FileFault] = []
    for item in error.errors():
        inner = item["ctx"]["error"] if item["type"] == "value_error" else None
        if isinstance(inner, ValidationError):  # a rule that itself made a checked dataclass
            found += complaints(inner, config_type, data, above + _without_tags(item["loc"], data))
        else:
            found.append(_explain(item, config_type, data, above))
    return found


def unknown_key(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return the sentence for a key that nobody knows; `name` may have dots."""
    known, key = sorted(allowed), name.rpartition(".")[2]
    close = difflib.get_close_matches(key, known, n=2)
    hint = f"; did you mean {' or '.join(close)}" if close else ""
    if len(known) <= _FEW:
        return f"{name}={value!r} is unknown{hint}; allowed: {', '.join(known)}"
    nearest = ", ".join(difflib.get_close_matches(key, known, n=3, cutoff=0.0))
    return f"{name}={value!r} is unknown{hint or f'; the nearest of {len(known)}: {nearest}'}"


def _explain(fault: Any, config_type: Any, data: Any, above: Location) -> FileFault:
    location = above + _without_tags(fault["loc"], data)
    name, kind = dotted(location), fault["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return FileFault(
            location, unknown_key(name, fault["input"], _keys_at(config_type, fault["loc"][:-1]))
        )
    if kind in ("missing", "missing_argument"):
        return FileFault(location, f"{name} is missing")
    if kind == "value_error":
        reason = str(fault["ctx"]["error"])
        said = reason if not name or reason.startswith(name) else f"{name}: {reason}"
        return FileFault(_location_named_in(reason, location, data), said)
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        key = fault["ctx"]["discriminator"].strip("'")
        at, name = (*location, key), dotted((*location, key))
        if kind == "union_tag_not_found":
            return FileFault(at, f"{name} is missing")
        return FileFault(at, f"{name}={fault['ctx']['tag']!r} must be one of {fault['ctx']['expected_tags']}")
    must = re.sub(r"^\w+ should ", "must ", str(fault["msg"]))
    if location[-1:] == ("[key]",):
        return FileFault(location[:-1], f"{dotted(location[:-1])}: the key {must}")
    return FileFault(location, f"{name}={fault['input']!r} {must}" if name else must)


def _location_named_in(reason: str, location: Location, data: Any) -> Location:
    """Return the first key that the message of a rule between fields names, else `location`."""
    if not isinstance(data, Section):
        return location
    for name in _NAMED.findall(reason):
        parts = tuple(int(part) if part.isdigit() else part for part in _PART.findall(name))
        ending = [at for at in data.places if at[-len(parts) :] == parts and at[: len(location)] == location]
        if ending:
            return min(ending, key=len)
    return location


def _without_tags(location: Location, data: Any) -> Location:
    """Drop from a pydantic location the tags of unions, which are no keys of `data`."""
    kept: list[str | int] = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping):
            if part not in data and not last:
                continue
            kept.append(part)
            data = data.get(part)
        elif isinstance(data, list | tuple) and isinstance(part, int):
            kept.append(part)
            data = data[part] if part < len(data) else None
        elif part == "[key]":
            kept.append(part)
    return tuple(kept)


def _keys_at(annotation: Any, location: Location) -> set[str]:
    """Return the keys that are allowed in the dataclass found at `location` below `annotation`."""
    for member in _dataclasses_in(annotation):
        if not location:
            return {field.name for field in dataclasses.fields(member)}
        hints = typing.get_type_hints(member, include_extras=True)
        if location[0] in hints:
            return _keys_at(hints[str(location[0])], location[1:])
        tags = {value for hint in hints.values() for value in _literals(hint)}
        if location[0] in tags:
            return _keys_at(member, location[1:])
    return _keys_at(annotation, location[1:]) if location else set()


def _dataclasses_in(annotation: Any) -> list[Any]:
    """Return the dataclasses in an annotation such as `tuple[A, ...]` or `Annotated[A | B, …]`."""
    if dataclasses.is_dataclass(annotation):
        return [annotation]
    return [found for arg in typing.get_args(annotation) for found in _dataclasses_in(arg)]


def _literals(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
