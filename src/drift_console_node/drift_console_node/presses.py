"""The buttons of the page: what may be asked for, each press once."""

import re
from collections import OrderedDict
from typing import Any

PRESSES = ("arm", "home", "start", "success", "failure", "end", "rollback")  # beside stop
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEPT = 256


def press_id(said: Any) -> str | None:
    """Return the id of a press, None for anything that is not one."""
    return said if isinstance(said, str) and _ID.fullmatch(said) else None


class PressLog:
    """What became of each press of late, so that one that is sent twice is done once."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[bool, str] | None] = OrderedDict()

    def begin(self, press: str) -> bool:
        """Return whether this press is new; it counts as under way from now on."""
        if press in self._answers:
            return False
        self._answers[press] = None
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return True

    def end(self, press: str, accepted: bool, text: str) -> None:
        """Keep how it went."""
        if press in self._answers:
            self._answers[press] = (accepted, text)

    def answer(self, press: str) -> tuple[bool, str] | None:
        """Return how it went, None while it is under way or for one that is not known."""
        return self._answers.get(press)
