"""From a file to one validated, frozen dataclass, or to one error that lists everything wrong with it."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from drift_config.complaints import complaints
from drift_config.errors import ConfigError
from drift_config.section import FileFault, Location, dotted, refuse
from drift_config.yaml_file import read_with_faults

T = TypeVar("T")


def load_yaml(path: Path | str, config_type: type[T]) -> T:
    """Read a file into `config_type` (a pydantic dataclass); ConfigError names file, line, key and value."""
    section, faults = read_with_faults(path)
    config = _validate(section, config_type, faults)
    refuse(section, str(path), faults)
    return config  # type: ignore[return-value]  # None only with faults


def parse(data: Any, config_type: type[T], source: str) -> T:
    """Validate plain data (of YAML, JSON or a message) into `config_type`.

    The ConfigError names `source`, or the file and line where `data` is a Section that knows them.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{source}: must be a mapping of keys to values, got {data!r}")
    faults: list[FileFault] = []
    try:
        config = _validate(data, config_type, faults)
    except RecursionError as error:
        raise ConfigError(f"{source}: must not be nested so deeply") from error
    refuse(data, source, faults)
    return config  # type: ignore[return-value]  # None only with faults


def to_plain(config: Any) -> Any:
    """Return `config` as dicts, lists, strings and numbers that `parse` reads back."""
    return TypeAdapter(type(config)).dump_python(config, mode="json")


def not_finite(data: Mapping[str, Any]) -> list[FileFault]:
    """Return a fault for every NaN and infinity, also for an integer that no float can hold."""
    return [
        FileFault(at, f"{dotted(at)}={value!r} must be a finite number") for at, value in _endless(data, ())
    ]


def _validate(data: Mapping[str, Any], config_type: type[T], faults: list[FileFault]) -> T | None:
    """Return `data` as `config_type`, or None and why not in `faults`."""
    endless = not_finite(data)
    faults += endless
    found = {fault.location for fault in endless}
    try:
        # Through JSON, because strict validation of JSON takes a list for a tuple but no string for a number.
        config = TypeAdapter(config_type).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        faults += [fault for fault in complaints(error, config_type, data) if fault.location not in found]
        return None
    # pydantic takes true and 1.0 for a literal 1, since Python calls them equal
    faults += [
        FileFault(at, f"{dotted(at)}={value!r} must be an integer")
        for at, value in _taken_for_integer(data, to_plain(config), ())
    ]
    return config


def _endless(data: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _endless(value, (*location, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _endless(value, (*location, index))
    elif isinstance(data, int | float) and not _finite(data):
        yield location, data


def _taken_for_integer(data: Any, plain: Any, location: Location) -> Iterator[tuple[Location, Any]]:
    """Find every boolean and every fraction of `data` that became an integer in `plain`."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _taken_for_integer(value, plain[key], (*location, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _taken_for_integer(value, plain[index], (*location, index))
    elif isinstance(data, bool | float) and type(plain) is int:
        yield location, data


def _finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
