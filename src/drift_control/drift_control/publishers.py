"""Who says what: the same thing from two publishers at a time would be believed in turns."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import combinations

WINDOW_S = 2.0  # a publisher that is silent for longer has ended; policies send a chunk in 0.5 s or less


@dataclass(frozen=True)
class _Said:
    """What one publisher has said without a long pause."""

    names: frozenset[str]
    first_s: float  # steady time
    last_s: float


class Publishers:
    """Notice that two publishers speak about the same thing, in turns.

    Publishers of different things may stand side by side. One that ends and is followed by another, as after
    a restart, is no conflict.
    """

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}  # by publisher

    def heard(self, publisher: str, names: Collection[str], arrival_s: float) -> None:
        """Take note that `publisher` has said something about each of `names`."""
        before = self._said.get(publisher)
        if before is None or arrival_s - before.last_s > WINDOW_S:
            before = _Said(frozenset(), arrival_s, arrival_s)
        self._said[publisher] = _Said(before.names.union(names), before.first_s, arrival_s)

    def conflict(self, now_s: float) -> str:
        """Return what comes from two publishers, and from which, in words; empty if nothing does."""
        if len(self._said) < 2:
            return ""
        self._said = {name: said for name, said in self._said.items() if now_s - said.last_s <= WINDOW_S}
        for (a, said_a), (b, said_b) in combinations(self._said.items(), 2):
            common = said_a.names & said_b.names
            if common and said_a.last_s > said_b.first_s and said_b.last_s > said_a.first_s:
                return f"two publishers of {listed(sorted(common))}: {a} and {b}"
        return ""


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return names in a row, the first ones of many."""
    names = list(names)
    more = len(names) - most
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:most])} and {more} more"
