"""The thread that denoises. It holds one job at a time; everything else of the node stays responsive."""

import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """The end of a job: a result, or an error and where it came from."""

    result: R | None
    error: BaseException | None
    trace: str  # the traceback of an unexpected error, "" otherwise
    elapsed_s: float

    @property
    def reason(self) -> str:
        """Return the error in words, "" if there is none; an unexpected one with its kind."""
        if self.error is None:
            return ""
        return f"{type(self.error).__name__}: {self.error}" if self.trace else str(self.error)


class InferenceWorker(Generic[R]):
    """Run one job at a time in a thread of its own and report its outcome from there.

    An exception of the kinds `expected` is an outcome like any other; after every other one, even SystemExit,
    the thread ends, and `revive` starts a new one.
    """

    def __init__(
        self,
        name: str,
        on_outcome: Callable[[Outcome[R]], None],
        expected: tuple[type[Exception], ...],
        niceness: int = 0,
    ) -> None:
        """`niceness` is added to the process's: with 5, jobs get a third of what another thread gets."""
        self._niceness = niceness
        self._name, self._on_outcome, self._expected = name, on_outcome, expected
        self._jobs: SimpleQueue[Callable[[], R] | None] = SimpleQueue()
        self._started_s: float | None = None
        self._dying = False
        self._thread = self._start()

    @property
    def busy(self) -> bool:
        """A job has been submitted and not ended."""
        return self._started_s is not None

    def busy_s(self, now_s: float) -> float:
        """Return for how long the present job has been running [s], 0 without one; `now_s` is steady time."""
        started_s = self._started_s
        return 0.0 if started_s is None else now_s - started_s

    def submit(self, job: Callable[[], R]) -> None:
        """Start a job; there must be none (one thread submits)."""
        if self.busy:
            raise RuntimeError(f"worker {self._name} is busy; look at `busy` before submitting")
        self._started_s = time.monotonic()
        self._jobs.put(job)

    def revive(self) -> None:
        """Start a new thread if the last one died or is just dying."""
        if self._dying or not self._thread.is_alive():
            self._dying = False
            self._thread = self._start()

    def stop(self, limit_s: float) -> bool:
        """End the thread after the present job; return whether it ended within `limit_s`."""
        self._jobs.put(None)
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _start(self) -> threading.Thread:
        # a daemon, so that a hanging job cannot keep the process alive
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        if self._niceness:  # on Linux a thread's own
            niceness = os.getpriority(os.PRIO_PROCESS, 0) + self._niceness
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        while (job := self._jobs.get()) is not None:
            start_s = time.monotonic()
            result, error, trace = None, None, ""
            try:
                result = job()
            except self._expected as caught:
                error = caught
            except BaseException as caught:  # SystemExit, too; the thread ends, the report says where
                error, trace = caught, traceback.format_exc()
                self._dying = True
            self._started_s = None
            self._on_outcome(Outcome(result, error, trace, time.monotonic() - start_s))
            if trace:
                return
