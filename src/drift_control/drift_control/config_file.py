"""From a YAML file to a validated, frozen dataclass; complaints name the file, the key and the value."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from drift_control.errors import ConfigError

T = TypeVar("T")


def load_config(path: Path, config_type: type[T]) -> T:
    """Return the contents of a YAML file as `config_type`; raise ConfigError with all complaints at once."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"file={path} must be a readable file: {error.strerror}") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} must be valid YAML: {error}") from error
    return parse_config(content, config_type, str(path))


def parse_config(content: Any, config_type: type[T], origin: str) -> T:
    """Return plain data as `config_type`; `origin` says in messages where it came from."""
    if not isinstance(content, dict):
        raise ConfigError(f"{origin} must be a mapping of keys to values, got {type(content).__name__}")
    try:
        return TypeAdapter(config_type).validate_python(content)
    except ValidationError as error:
        raise ConfigError(f"{origin}: " + "; ".join(_complaints(error))) from error


def _complaints(error: ValidationError) -> list[str]:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "value"
        message = item["msg"].removeprefix("Value error, ")
        # Messages of our own validators already name their values.
        own = item["type"] == "value_error"
        missing = item["type"] in ("missing", "missing_argument")
        named = f"{key}: {message}" if missing else f"{key}={item['input']!r}: {message}"
        lines.append(message if own else named)
    return lines
