"""Node parameters become one frozen dataclass: its fields give names and types, the YAML file gives values.

No value has a default in code: a missing, misspelt, mistyped or out-of-range parameter stops the node with a
message that names it. The texts and bounds of the fields are what `ros2 param describe` shows. A node with
parameters of its own beside those of its core inherits from the core's dataclass.
"""

import math
from array import array
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from drift_config.descriptions import FieldDescription, describe
from drift_config.loader import parse
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

T = TypeVar("T")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1  # of an integer parameter


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
    for name, described in describe(config_type).items():
        _redeclare(node, name, getattr(config, name), _descriptor(described, read_only=name not in settable))
    return config


def _declare(node: Node, name: str) -> Any:
    """Return the value that the parameter file or the command line gives, None if none does."""
    return _plain(node.declare_parameter(name, None, ParameterDescriptor(dynamic_typing=True)).value)


def _redeclare(node: Node, name: str, value: Any, descriptor: ParameterDescriptor) -> None:
    stored = str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
    node.undeclare_parameter(name)
    node.declare_parameter(name, stored, descriptor, ignore_override=True)


def _descriptor(field: FieldDescription, read_only: bool) -> ParameterDescriptor:
    """Return text and range; a bound that is itself not allowed stands in the constraints, too."""
    said = ParameterDescriptor(description=field.text, additional_constraints=field.rule, read_only=read_only)
    low, high = field.low, field.high
    if low is None and high is None:
        return said
    if field.kind is int:
        ends = IntegerRange(
            from_value=_LOWEST if low is None else low, to_value=_HIGHEST if high is None else high
        )
        said.integer_range = [ends]
    else:
        low, high = -math.inf if low is None else float(low), math.inf if high is None else float(high)
        said.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return said


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
