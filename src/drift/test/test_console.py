"""Many processes in one terminal."""

import io

from drift.console import PrefixedLog
from rich.console import Console


def test_names_are_aligned_and_text_is_left_as_it_is() -> None:
    output = io.StringIO()
    log = PrefixedLog(Console(file=output, width=40), ["sim", "expert_gate"])
    log("sim", "[INFO] " + 60 * "x")
    log("expert_gate", "[not markup] :smile:")
    log("drift", "stopped")
    assert output.getvalue().splitlines() == [
        "        sim | [INFO] " + 60 * "x",
        "expert_gate | [not markup] :smile:",
        "      drift | stopped",
    ]
