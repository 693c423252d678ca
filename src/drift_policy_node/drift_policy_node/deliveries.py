"""Which files are fetched for which candidate: one after the other in a thread of its own, newest next."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, TypeVar

from drift_policy_node.candidate import CandidateFault, RefusedError
from drift_policy_node.fetch import Fetcher
from drift_policy_node.worker import InferenceWorker, Outcome

R = TypeVar("R")
_NICENESS = 5  # of the thread: denoising comes first
_SAID_AFTER_S = 10.0  # a trainer that does not answer is said to be silent; it is asked on
_SHOWN_AFTER_S = 1.0


@dataclass(frozen=True, eq=False)
class Order(Generic[R]):
    """A candidate that cannot be loaded without files of the trainer."""

    request: R
    wanted: tuple[str, ...]  # their names, the candidate's own last
    sha256: str  # of the candidate's own
    text: str  # why it cannot be loaded


@dataclass(frozen=True, eq=False)
class Delivery(Generic[R]):
    """The file of a candidate, or why it is not there."""

    order: Order[R]
    path: Path | None
    fault: CandidateFault
    text: str
    trace: str = ""  # of a thread that died


class Deliveries(Generic[R]):
    """One thread calls every method; `wake` asks it for a call of `step`."""

    def __init__(self, fetcher: Fetcher, wake: Callable[[], None]) -> None:
        self._fetcher, self._wake = fetcher, wake
        self._next: Order[R] | None = None
        self._order: Order[R] | None = None  # under way
        self._silence_said = False
        self._outcomes: SimpleQueue[Outcome[Path]] = SimpleQueue()
        self._worker = InferenceWorker("fetcher", self._on_outcome, (RefusedError,), niceness=_NICENESS)

    @property
    def idle(self) -> bool:
        """Whether nothing is fetched and nothing waits for it."""
        return self._order is None and self._next is None

    def want(self, order: Order[R]) -> None:
        """Fetch this next; it takes the place of one that still waits, or whose trainer does not answer."""
        self._next = order

    def step(self, now_s: float) -> list[Delivery[R]]:
        """Return what has come, or cannot come, since the last call, and begin what waits; steady time.

        An order is also told once that the trainer is silent, and may be delivered all the same.
        """
        told = [self._taken(self._order)] if self._order is not None and not self._outcomes.empty() else []
        if self._order is None and self._next is not None:
            order, self._next, self._silence_said = self._next, None, False
            self._order = order
            names = {order.wanted[-1]: order.sha256}
            self._worker.revive()
            self._worker.submit(lambda: self._fetcher.fetch(order.wanted, names))
        elif self._order is not None and self._next is not None:
            self._fetcher.give_up_if_silent()
        elif self._order is not None and not self._silence_said and self._silent_s(now_s) > _SAID_AFTER_S:
            self._silence_said = True
            text = f"{self._order.text}; the trainer is asked for it, and does not answer"
            told.append(Delivery(self._order, None, CandidateFault.NOT_FETCHED, text))
        return told

    def trouble(self, now_s: float) -> str:
        """Return in words that the trainer does not hand out what is wanted of it, empty if it does."""
        silent_s = self._silent_s(now_s)
        if silent_s <= _SHOWN_AFTER_S:
            return ""
        return f"{self._fetcher.state}: no answer from the trainer for {silent_s:.0f} s"

    def close(self) -> None:
        """End the thread."""
        self._fetcher.stop()
        self._worker.stop(0.5)

    def _silent_s(self, now_s: float) -> float:
        return 0.0 if self._order is None else self._fetcher.silent_s(now_s)

    def _taken(self, order: Order[R]) -> Delivery[R]:
        outcome, self._order = self._outcomes.get(), None
        if isinstance(outcome.error, RefusedError):
            return Delivery(order, None, outcome.error.fault, outcome.reason)
        return Delivery(order, outcome.result, CandidateFault.NOT_FETCHED, outcome.reason, outcome.trace)

    def _on_outcome(self, outcome: Outcome[Path]) -> None:
        self._outcomes.put(outcome)
        self._wake()
