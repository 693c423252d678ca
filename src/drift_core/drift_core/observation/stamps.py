"""Stamps that cannot be true: behind what their own source has said already."""

from enum import Enum, auto

JUMP_S = 1.0  # by more than this no stamp is older than the newest of its source
_SET_BACK_AFTER = 3  # old stamps in a row, each newer than the one before: the clock was set back


class Ordering(Enum):
    """How a stamp stands to those before it."""

    IN_ORDER = auto()
    LATE = auto()  # not to be used
    SET_BACK = auto()  # the first to be used of a clock that was set back


class StampOrder:
    """Tell one late sample from a clock that was set back, for each source by itself."""

    def __init__(self) -> None:
        self._newest_s: dict[str, float] = {}
        self._late_s: dict[str, list[float]] = {}  # old stamps since the last one in order, rising

    def take(self, source: str, stamp_s: float) -> Ordering:
        """Take note of a stamp; with SET_BACK everything older of all sources is forgotten."""
        newest_s = self._newest_s.get(source, stamp_s)
        if stamp_s >= newest_s - JUMP_S:
            self._newest_s[source] = max(newest_s, stamp_s)
            self._late_s.pop(source, None)
            return Ordering.IN_ORDER
        late_s = self._late_s.setdefault(source, [])
        if late_s and stamp_s < late_s[-1]:
            late_s.clear()
        if not late_s or stamp_s > late_s[-1]:
            late_s.append(stamp_s)
        if len(late_s) < _SET_BACK_AFTER:
            return Ordering.LATE
        self._newest_s, self._late_s = {source: stamp_s}, {}
        return Ordering.SET_BACK

    def behind_s(self, source: str, stamp_s: float) -> float:
        """Return by how much a stamp is older than the newest of its source [s]."""
        return self._newest_s.get(source, stamp_s) - stamp_s
