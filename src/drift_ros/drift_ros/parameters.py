"""Node parameters become one frozen dataclass: its fields give names and types, the YAML file gives values.

No value has a default in code: a missing, misspelt, mistyped or out-of-range parameter stops the node with a
message that names it. A node with parameters of its own beside those of its core inherits from the core's
dataclass.
"""

from array import array
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from drift_config.loader import parse
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

T = TypeVar("T")


def load_parameters(node: Node, config_type: type[T], settable: Collection[str] = ()) -> T:
    """Declare each field of the flat dataclass `config_type` on `node`, read-only, and return it filled.

    The fields named in `settable` may be set while the node runs, each to a value of its type; the node looks
    them up by `get_parameter`.

    Raises ConfigError that lists everything wrong at once. Parameters given to the node that `config_type`
    does not know are refused by name.
    """
    names = [field.name for field in fields(config_type)]  # type: ignore[arg-type]
    given = {name: _declare(node, name) for name in names}
    said = {name: value for name, value in given.items() if value is not None} | _unknown(node, names)
    config = parse(said, config_type, source=f"parameters of node {node.get_fully_qualified_name()}")
    for name in names:
        _redeclare(node, name, getattr(config, name), read_only=name not in settable)
    return config


def _declare(node: Node, name: str) -> Any:
    """Return the value that the parameter file or the command line gives, None if none does."""
    return _plain(node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True)).value)


def _redeclare(node: Node, name: str, value: Any, read_only: bool) -> None:
    stored = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    node.undeclare_parameter(name)
    node.declare_parameter(name, stored, ParameterDescriptor(read_only=read_only), ignore_override=True)


def _unknown(node: Node, names: list[str]) -> dict[str, Any]:
    """Return what is given to the node without being a parameter of it, so that it is refused."""
    # rclpy has no public way to ask for overrides that nobody declared; humble to kilted have this one
    return {
        name: _plain(parameter.value)
        for name, parameter in node._parameter_overrides.items()
        if name not in names and not node.has_parameter(name) and not name.startswith("qos_overrides.")
    }


def _plain(value: Any) -> Any:
    """Return a parameter's value as YAML would give it."""
    return list(value) if isinstance(value, array | tuple) else value
