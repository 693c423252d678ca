"""Who drives: one at a time, and whoever falls silent has let go. Times are steady [s]."""

from dataclasses import dataclass

_SILENCE_S = 1.0


@dataclass(frozen=True)
class Holder:
    """Whose turn it is."""

    session: str
    name: str  # for people
    since_s: float


class Lease:
    """Given to who asks first; another one may ask its holder for it."""

    def __init__(self) -> None:
        self.holder: Holder | None = None
        self.asked_by: Holder | None = None  # wants it; since when
        self._heard_s = 0.0

    def ask(self, session: str, name: str, now_s: float) -> bool:
        """Return whether `session` has it now; else its wish is told to the holder."""
        self.look(now_s)
        if self.holder is None:
            self.holder, self._heard_s = Holder(session, name, now_s), now_s
            self.asked_by = None
        elif self.holder.session != session:
            self.asked_by = Holder(session, name, now_s)
        return self.holds(session)

    def holds(self, session: str) -> bool:
        """Return whether it is this one's turn."""
        return self.holder is not None and self.holder.session == session

    def heard(self, session: str, now_s: float) -> None:
        """Take note of a fresh sign of life of the holder."""
        if self.holds(session):
            self._heard_s = now_s

    def leave(self, session: str) -> None:
        """Give it back; a wish of this session ends as well."""
        if self.holds(session):
            self.holder = None
        if self.asked_by is not None and self.asked_by.session == session:
            self.asked_by = None

    def give(self, session: str, now_s: float) -> None:
        """Hand it from the holder to who has asked."""
        if self.holds(session) and self.asked_by is not None:
            asked = self.asked_by
            self.holder, self.asked_by = Holder(asked.session, asked.name, now_s), None
            self._heard_s = now_s

    def look(self, now_s: float) -> None:
        """End it where its holder has been silent for more than a second."""
        if self.holder is not None and now_s - self._heard_s > _SILENCE_S:
            self.holder = None
