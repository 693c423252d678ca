"""Whoever starts a stack is told where to look at it."""

import os
from pathlib import Path

from drift.console_address import with_address
from drift_console_node.access import Tokens
from drift_console_node.address import FILE, write_address


def test_the_address_with_its_token_follows_the_line_of_the_console_that_listens(tmp_path: Path) -> None:
    lines: list[tuple[str, str]] = []
    said = with_address(lambda name, line: lines.append((name, line)), tmp_path)
    said("console", "console at http://127.0.0.1:8421/; with its token in console.json")
    assert len(lines) == 1  # there is no file
    write_address(tmp_path, "http://127.0.0.1:8421/", Tokens("d" * 32, "e" * 32))
    said("policy", "console at noon")
    said("console", "[INFO] [console]: console at http://127.0.0.1:8421/; with its token in console.json")
    assert lines[-1] == ("drift", f"open in a browser: http://127.0.0.1:8421/#t={'d' * 32}")
    assert len(lines) == 4
    os.chmod(tmp_path / FILE, 0o644)  # others may have written it
    said("console", "console at http://127.0.0.1:8421/; with its token in console.json")
    assert len(lines) == 5
