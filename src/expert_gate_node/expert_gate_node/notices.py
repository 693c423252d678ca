"""What is refused, said where a person looks: in `gate/state`, in diagnostics, and once in the log."""

from collections.abc import Callable

_SHOWN_S = 5.0  # a notice of something that happened once stays so long
_PAUSE_S = 1.0  # between two lines of the log: what flickers does not fill it


class Notices:
    """Notices that come once (`say`), and those of the control loop, which hold as long as their cause."""

    def __init__(self, log: Callable[[str], object]) -> None:
        self._log = log
        self._shown: dict[str, float] = {}  # notice -> until
        self._last = ""
        self._logged_s = float("-inf")

    def say(self, text: str, now_s: float) -> None:
        """Show a notice; an empty one is none."""
        if text:
            self._shown[text] = now_s + _SHOWN_S

    def with_all(self, held: str, now_s: float) -> str:
        """Return all that is to be shown, `held` first, and log it when it is new; `now_s` is steady time."""
        self._shown = {text: until_s for text, until_s in self._shown.items() if now_s < until_s}
        text = "; ".join(filter(None, (held, *self._shown)))
        if text != self._last and now_s - self._logged_s >= _PAUSE_S:
            self._last = text
            if text:
                self._logged_s = now_s
                self._log(text)
        return text
