"""Whoever drives has one colour, wherever it is shown."""

import re

from drift.driver_colours import FAULT_HEX, HEX, parts
from drift_console_node.context import PAGE
from drift_core.episodes import StepSource


def test_the_page_of_the_console_has_the_colours_of_figures_and_films() -> None:
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    of_page = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", style))
    names = {"hold": "HOLD", "policy": "POLICY", "person": "EXPERT", "homing": "HOMING"}
    assert {name: of_page[name] for name in names} == {
        name: HEX[StepSource[source]] for name, source in names.items()
    }
    assert of_page["stopped"] == FAULT_HEX


def test_a_colour_is_its_three_parts() -> None:
    assert parts(HEX[StepSource.POLICY]) == (0, 114, 178)
