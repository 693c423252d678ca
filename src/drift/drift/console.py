"""The lines of many processes in one terminal: a coloured name in front of each."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from drift.processes.supervisor import OWN_NAME

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_magenta")
_LEVELS = {"[WARN]": "yellow", "[ERROR]": "red", "[FATAL]": "bold red"}


class PrefixedLog:
    """Print lines as `name | line`; use as the `on_line` of a ProcessSupervisor."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._width = max(map(len, (*names, OWN_NAME)))
        self._colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)} | {
            OWN_NAME: "bold"
        }

    def __call__(self, name: str, line: str) -> None:
        """Print one line of the process `name`."""
        level = next((style for word, style in _LEVELS.items() if line.startswith(word)), "")
        text = Text.assemble((f"{name:>{self._width}} | ", self._colours[name]), (line, level))
        self._console.print(text, soft_wrap=True, highlight=False)
