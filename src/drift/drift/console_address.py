"""Where the console of a run is opened, told with its token to who has started the run."""

from collections.abc import Callable
from pathlib import Path

from drift_console_node.address import read_address

_SAID = "console at "  # in the line that the node writes once it listens


def with_address(on_line: Callable[[str, str], None], run: Path) -> Callable[[str, str], None]:
    """Return `on_line`, which also tells the console's address once the console has said that it listens.

    The token is in that line alone: the logs of the run, which others may read, have it not.
    """

    def said(name: str, line: str) -> None:
        on_line(name, line)
        if name == "console" and _SAID in line and (address := read_address(run)):
            on_line("drift", f"open in a browser: {address}")

    return said
