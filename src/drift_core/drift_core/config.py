"""Strict YAML: one file becomes one validated dataclass, or one error that lists everything wrong with it.

Numbers are not made from strings, unknown and repeated keys are refused, `1e-3` is a number and only
`true` and `false` are booleans.
"""

import dataclasses
import difflib
import json
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from drift_core.errors import ConfigError

T = TypeVar("T")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without the surprises of version 1.1."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if not isinstance(key, str):
                raise ConfigError(f"line {key_node.start_mark.line + 1}: key {key!r} must be a string")
            if key in seen:
                raise ConfigError(f"line {key_node.start_mark.line + 1}: key {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


_TAG = "tag:yaml.org,2002:"
_FLOAT = re.compile(r"^[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$|^[-+]?\.inf$|^\.nan$")
_StrictLoader.yaml_implicit_resolvers = {}
_StrictLoader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(null|~|)$"), ["n", "~", ""])
_StrictLoader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?(0|[1-9]\d*)$"), list("-+0123456789"))
_StrictLoader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def load_yaml(path: Path | str, config_type: type[T]) -> T:
    """Read a file into `config_type` (a pydantic dataclass), or raise one ConfigError with all faults."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        data = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: must not be nested so deeply") from error
    return parse(data, config_type, source=str(path))


def parse(data: Any, config_type: type[T], source: str) -> T:
    """Validate plain data (as from YAML or JSON) into `config_type`; `source` is named in the error."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"{source}: must be a mapping of keys to values, got {data!r}")
    try:
        # Through JSON, because strict validation of JSON takes a list for a tuple but no string for a number.
        return TypeAdapter(config_type).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        lines = [f"{source}: {_explain(fault, config_type, data)}" for fault in error.errors()]
        raise ConfigError("\n".join(lines)) from error
    except RecursionError as error:
        raise ConfigError(f"{source}: must not be nested so deeply") from error


def to_plain(config: Any) -> Any:
    """Return `config` as dicts, lists, strings and numbers that `parse` reads back."""
    return TypeAdapter(type(config)).dump_python(config, mode="json")


def _explain(fault: Any, config_type: Any, data: Any) -> str:
    """Say in a line which key is wrong, its value, and what it must be."""
    location = _without_tags(fault["loc"], data)
    name = _dotted(location)
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        allowed = sorted(_keys_at(config_type, fault["loc"][:-1]))
        close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"; did you mean {close[0]}" if close else ""
        return f"{name}={fault['input']!r} is unknown{hint}; allowed: {', '.join(allowed)}"
    if fault["type"] in ("missing", "missing_argument"):
        return f"{name} is missing"
    if fault["type"] == "value_error":
        reason = str(fault["ctx"]["error"])
        return f"{name}: {reason}" if name else reason
    if fault["type"] == "union_tag_not_found":
        key = fault["ctx"]["discriminator"].strip("'")
        return f"{name}.{key} is missing"
    if fault["type"] == "union_tag_invalid":
        key = fault["ctx"]["discriminator"].strip("'")
        return f"{name}.{key}={fault['ctx']['tag']!r} must be one of {fault['ctx']['expected_tags']}"
    must = str(fault["msg"]).replace("Input should be ", "must be ").replace("Input should have", "must have")
    return f"{name}={fault['input']!r} {must}"


def _without_tags(location: tuple[Any, ...], data: Any) -> list[Any]:
    """Drop from a pydantic location the tags of unions, which are no keys of `data`."""
    kept: list[Any] = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping):
            if part not in data and not last:
                continue
            kept.append(part)
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int):
            kept.append(part)
            data = data[part] if part < len(data) else None
    return kept


def _dotted(location: list[Any]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _keys_at(annotation: Any, location: tuple[Any, ...]) -> set[str]:
    """Return the keys that are allowed in the dataclass found at `location` below `annotation`."""
    for member in _dataclasses_in(annotation):
        if not location:
            return {field.name for field in dataclasses.fields(member)}
        hints = typing.get_type_hints(member, include_extras=True)
        if location[0] in hints:
            return _keys_at(hints[location[0]], location[1:])
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
