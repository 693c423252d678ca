"""The formats of others' data by name; each is a file here."""

from pathlib import Path

from drift_config.errors import ConfigError
from drift_core.errors import DataError

from drift_formats.format import UNKNOWN, Cell, Ending, Format, Recording, Template
from drift_formats.formats import lerobot, rosbag2

__all__ = [
    "FORMATS",
    "UNKNOWN",
    "Cell",
    "Ending",
    "Format",
    "Recording",
    "Template",
    "format_named",
    "format_of",
]

FORMATS: dict[str, Format] = {"lerobot": lerobot, "rosbag2": rosbag2}


def format_named(name: str) -> Format:
    """Return a format by its name; ConfigError."""
    if name not in FORMATS:
        raise ConfigError(f"format={name!r} must be one of: {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(source: Path) -> str:
    """Return the name of the format that a file or folder has; DataError where it has none of them."""
    if not source.exists():
        raise DataError(f"{source}: is not there")
    for name, known in FORMATS.items():
        if known.recognises(source):
            return name
    raise DataError(f"{source}: must be of one of the formats: {', '.join(FORMATS)}")
