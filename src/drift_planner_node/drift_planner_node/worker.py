"""The one thread that plans, so that the node goes on answering; jobs come one after the other."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a job came to."""

    result: Any
    error: Exception | None
    deliver: Callable[["Outcome"], None]


class Worker:
    """Run jobs in a thread; `wake` is called there when one is done, `collect` delivers it in another."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._pool = ThreadPoolExecutor(1, "planner")
        self._done: deque[Outcome] = deque()

    def run(self, job: Callable[[], Any], deliver: Callable[[Outcome], None]) -> None:
        """Run `job()` when its turn comes; `deliver` gets its outcome."""
        self._pool.submit(self._run, job, deliver)

    def collect(self) -> None:
        """Deliver what is done, in the thread of the caller."""
        while self._done:
            outcome = self._done.popleft()
            outcome.deliver(outcome)

    def close(self) -> None:
        """Start nothing more; what runs ends by its own limit."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Callable[[], Any], deliver: Callable[[Outcome], None]) -> None:
        try:
            outcome = Outcome(job(), None, deliver)
        except Exception as error:  # whatever it is: the caller waits for an answer
            outcome = Outcome(None, error, deliver)
        self._done.append(outcome)
        self._wake()
