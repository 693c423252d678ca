"""What a node lacks, said in its log: a person who has started it looks there, not at /diagnostics."""

import re
from collections.abc import Callable

PATIENCE_S = 5.0  # nodes start and find each other within that
_NUMBERS = re.compile(r"(?<!\w)[-+]?\d+(\.\d+)?(?!\w)")  # not those of names: panda_joint1, camera_0


class ComplaintLog:
    """One line when something has been wrong for a while, one when that is over.

    A complaint whose numbers alone have changed is the same.
    """

    def __init__(self, warn: Callable[[str], object], tell: Callable[[str], object]) -> None:
        self._warn, self._tell = warn, tell
        self._text = ""  # of what is wrong now, without its numbers
        self._since_s = 0.0
        self._said = ""  # likewise, of what was said last and is not over

    def take(self, complaint: str, now_s: float) -> None:
        """Hear what is wrong at steady time `now_s`; empty: nothing is."""
        text = _NUMBERS.sub("#", complaint)
        if text != self._text:
            self._text, self._since_s = text, now_s
        if now_s - self._since_s < PATIENCE_S or text == self._said:
            return
        self._said = text
        if complaint:
            self._warn(f"for {PATIENCE_S:g} s: {complaint}")
        else:
            self._tell("nothing is wrong any more")
