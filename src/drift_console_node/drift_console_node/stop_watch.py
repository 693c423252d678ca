"""Whether the gate has stopped: what counts is gate/state, not that somebody has answered."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

_KEPT = 8  # presses


def is_stopped(gate: Mapping[str, Any]) -> bool:
    """Return whether a state of the gate is that of an arm that was told to stop: held, not armed."""
    return gate["state"] in ("HOLD", "FAULT") and not gate["armed"]


class StopWatch:
    """The presses of stop, and after how long each was seen to have worked. Times are steady [s]."""

    def __init__(self) -> None:
        self._presses: OrderedDict[str, float] = OrderedDict()
        self._confirmed: dict[str, float] = {}

    def press(self, press: str, now_s: float) -> None:
        """Take note of a press; a repeated one is the same."""
        if press not in self._presses:
            self._presses[press] = now_s
            while len(self._presses) > _KEPT:
                self._confirmed.pop(self._presses.popitem(last=False)[0], None)

    def gate_seen(self, gate: Mapping[str, Any], arrival_s: float) -> None:
        """Take note of gate/state."""
        if is_stopped(gate):
            for press, pressed_s in self._presses.items():
                if arrival_s > pressed_s:
                    self._confirmed.setdefault(press, arrival_s - pressed_s)

    def confirmed(self) -> dict[str, float | None]:
        """Return each press of late with the time until it was confirmed [s]; None: it is not."""
        return {press: self._confirmed.get(press) for press in self._presses}
