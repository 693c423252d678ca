"""One topic of a device: its newest message, whether it still speaks, and whether one publisher does."""

from typing import Generic, Protocol, TypeVar

from drift_control.freshness import Freshness
from drift_control.inputs import Now
from drift_control.publishers import Publisher, Publishers


class Message(Protocol):
    """What every message of a device says beside its content."""

    @property
    def stamp_s(self) -> float: ...
    @property
    def arrival_s(self) -> float: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def beside(self) -> tuple[Publisher, ...]: ...


M = TypeVar("M", bound=Message)


class Line(Generic[M]):
    """The newest message counts; one whose stamp stands still is not new."""

    def __init__(self, name: str, silent_s: float, stamped: bool) -> None:
        self.name, self.silent_s = name, silent_s
        self._stamped = stamped
        self._freshness = Freshness(silent_s)
        self._publishers = Publishers()
        self._intruder: Publisher | None = None  # who has just spoken beside the publisher of before
        self.newest: M | None = None  # None: nobody is there
        self.before: M | None = None  # the one before it
        self.was_silent = True  # before the newest

    def take(self, message: M | None, now: Now) -> bool:
        """Take note of the newest message, which may be an old one; return whether it is news.

        None: nobody sends any.
        """
        if message is None:
            if self.silent(now):
                self.newest = self.before = None
            return False
        for publisher in message.beside:
            self._publishers.heard(publisher, (self.name,), message.arrival_s)
        silent = self._freshness.age_s(Now(message.arrival_s, 0.0)) > self.silent_s
        stamp_s = message.stamp_s if self._stamped else message.arrival_s
        if not self._freshness.update(stamp_s, message.arrival_s):
            return False
        self.before, self.newest, self.was_silent = self.newest, message, silent
        goes_on = self.before.publisher if self.before is not None and not silent else None
        others = [
            other
            for other in (message.publisher, *message.beside)
            if goes_on is not None and other != goes_on
        ]
        self._intruder = others[0] if others else None
        self._publishers.heard(message.publisher, (self.name,), message.arrival_s)
        return True

    def silent(self, now: Now) -> bool:
        """Return whether no message has come for too long."""
        return self._freshness.age_s(now) > self.silent_s

    def rivals(self, now: Now) -> str:
        """Return who else publishes the topic: from its first message on, and for as long as it does."""
        intruder = f"a second publisher of {self.name}: {self._intruder}" if self._intruder else ""
        return self._publishers.conflict(now.steady_s) or intruder

    def forget_stamp(self) -> None:
        """Accept any stamp next, after the ROS clock jumped."""
        self._freshness.forget_stamp()
