"""Node parameters become one frozen dataclass: its fields give names and types, the YAML file gives values.

No value has a default in code: a missing, misspelt, mistyped or out-of-range parameter stops the node with a
message that names it. A node with parameters of its own beside those of its core inherits from the core's
dataclass.
"""

import difflib
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from drift_ros.errors import ParameterError

T = TypeVar("T")
_SCALARS = {bool: "bool", int: "integer", float: "double", str: "string", Path: "string (a path)"}


def load_parameters(node: Node, config_type: type[T]) -> T:
    """Declare each field of the flat dataclass `config_type` on `node`, read-only, and return it filled.

    Raises ParameterError that lists everything wrong at once. Parameters given to the node that `config_type`
    does not know are refused by name.
    """
    hints = get_type_hints(config_type)
    types = {field.name: hints[field.name] for field in fields(config_type)}  # type: ignore[arg-type]
    given = {name: _declare(node, name) for name in types}
    problems = _missing(given, types) + _unknown(node, types)
    values = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            values[name] = _checked(name, value, types[name])
        except ParameterError as error:
            problems.append(str(error))
    if problems:
        raise ParameterError(f"parameters of node {node.get_fully_qualified_name()}: " + "; ".join(problems))
    for name, value in values.items():
        _redeclare_read_only(node, name, value)
    try:
        return config_type(**values)
    except ValidationError as error:
        raise ParameterError(
            f"parameters of node {node.get_fully_qualified_name()}: {to_sentence(error)}"
        ) from None


def to_sentence(error: ValidationError) -> str:
    """Return pydantic's findings as `name=value must …`, separated by semicolons."""
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1)
        parts.append(f"{name}={item['input']!r} {message}" if name else message)
    return "; ".join(parts)


def _declare(node: Node, name: str) -> Any:
    """Return the value that the parameter file or the command line gives, None if none does."""
    return node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True)).value


def _redeclare_read_only(node: Node, name: str, value: Any) -> None:
    stored = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    node.undeclare_parameter(name)
    node.declare_parameter(name, stored, ParameterDescriptor(read_only=True), ignore_override=True)


def _missing(given: dict[str, Any], types: dict[str, Any]) -> list[str]:
    names = [f"{name} ({_type_name(types[name])})" for name, value in given.items() if value is None]
    return [f"missing: {', '.join(names)}"] if names else []


def _unknown(node: Node, types: dict[str, Any]) -> list[str]:
    # rclpy has no public way to ask for overrides that nobody declared; humble to kilted have this one
    problems = []
    for name, parameter in node._parameter_overrides.items():
        if name in types or node.has_parameter(name) or name.startswith("qos_overrides."):
            continue
        close = difflib.get_close_matches(name, types, n=1)
        hint = f"did you mean {close[0]}?" if close else f"allowed: {', '.join(types)}"
        problems.append(f"unknown: {name}={parameter.value!r}, {hint}")
    return problems


def _checked(name: str, value: Any, expected: Any) -> Any:
    """Return `value` as `expected`; an integer in the YAML is accepted for a double."""
    if get_origin(expected) is Literal:
        if value not in get_args(expected):
            raise ParameterError(f"{name}={value!r} must be {_type_name(expected)}")
        return value
    if get_origin(expected) in (tuple, list):
        if not hasattr(value, "__iter__") or isinstance(value, str):
            raise ParameterError(f"{name}={value!r} must be {_type_name(expected)}")
        return tuple(_checked(name, item, get_args(expected)[0]) for item in value)
    if expected not in _SCALARS:
        raise TypeError(f"field {name} has type {expected}, allowed: {list(_SCALARS)}, Literal, tuple")
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not (str if expected is Path else expected):
        raise ParameterError(f"{name}={value!r} must be of type {_type_name(expected)}")
    return Path(value) if expected is Path else value


def _type_name(expected: Any) -> str:
    if get_origin(expected) is Literal:
        return "one of " + ", ".join(map(repr, get_args(expected)))
    if get_origin(expected) in (tuple, list):
        return f"a list of {_type_name(get_args(expected)[0])}"
    return _SCALARS.get(expected, str(expected))
