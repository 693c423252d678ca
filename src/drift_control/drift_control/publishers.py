"""Who says what: the same thing from two publishers at a time would be believed in turns."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import combinations

WINDOW_S = 2.0  # a publisher that is silent for longer has ended; policies send a chunk in 0.5 s or less


@dataclass(frozen=True)
class Publisher:
    """Who sends messages. The identity tells two apart; the name is for people, and may be learned later."""

    identity: bytes = b""  # in the middleware; empty: its messages do not say who sent them
    name: str = field(default="", compare=False)  # of its node, as /left/driver; empty: not known (yet)

    def __str__(self) -> str:
        return self.name or f"publisher {self.identity.hex()}"


UNSIGNED = Publisher()  # of a message that does not say who sent it


@dataclass(frozen=True)
class _Said:
    """What one publisher has said without a long pause."""

    publisher: Publisher  # by the name that it has now
    names: frozenset[str]
    first_s: float  # steady time
    last_s: float


class Publishers:
    """Notice that two publishers speak about the same thing, in turns.

    Publishers of different things may stand side by side. One that ends and is followed by another, as after
    a restart, is no conflict.
    """

    def __init__(self) -> None:
        self._said: dict[bytes, _Said] = {}  # by identity

    def heard(self, publisher: Publisher, names: Collection[str], arrival_s: float) -> None:
        """Take note that `publisher` has said something about each of `names`."""
        before = self._said.get(publisher.identity)
        if before is None or arrival_s - before.last_s > WINDOW_S:
            before = _Said(publisher, frozenset(), arrival_s, arrival_s)
        said = _Said(publisher, before.names.union(names), before.first_s, arrival_s)
        self._said[publisher.identity] = said

    def conflict(self, now_s: float) -> str:
        """Return what comes from two publishers, and from which, in words; empty if nothing does."""
        if len(self._said) < 2:
            return ""
        self._said = {key: said for key, said in self._said.items() if now_s - said.last_s <= WINDOW_S}
        for a, b in combinations(self._said.values(), 2):
            common = a.names & b.names
            if common and a.last_s > b.first_s and b.last_s > a.first_s:
                return f"two publishers of {listed(sorted(common))}: {a.publisher} and {b.publisher}"
        return ""


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return names in a row, the first ones of many."""
    names = list(names)
    more = len(names) - most
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:most])} and {more} more"
