"""Checkpoints come while the policy runs: verified in a thread of their own, swapped in between chunks."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from drift_core.observation import Observation

from drift_policy_node.candidate import Execution, Fault, Place, RefusedError, Running, load_candidate
from drift_policy_node.worker import Outcome, Worker


@dataclass(frozen=True)
class Answer:
    """What became of a request to load a checkpoint."""

    fault: Fault | None
    message: str
    version: int  # running afterwards


@dataclass(frozen=True)
class _Request:
    path: Path
    sha256: str  # "": not checked
    announced: bool
    on_answer: Callable[[Answer], None]


class CheckpointExchange:
    """The running policy, the one before it, and why the last candidate was refused.

    Swapping is an assignment: a denoising job keeps the policy with which it began.
    """

    def __init__(self, place: Place, execution: Execution, wake: Callable[[], None]) -> None:
        self.current: Running | None = None
        self.previous: Running | None = None
        self.swaps = 0
        self.refusal = ""
        self.crashes: list[str] = []  # tracebacks of loader threads that died
        self._place, self._execution, self._wake = place, execution, wake
        self._waiting: deque[_Request] = deque()
        self._request: _Request | None = None  # under way
        self._outcomes: SimpleQueue[Outcome[Running]] = SimpleQueue()
        self._loader = Worker("loader", self._on_outcome, (RefusedError,))

    @property
    def version(self) -> int:
        """The running version, 0 for none."""
        return self.current.version if self.current else 0

    def swap(self, running: Running) -> None:
        """Run `running` from the next chunk on; the first policy of a run is no swap."""
        if self.current is not None:
            self.previous = self.current
            self.swaps += 1
        self.current, self.refusal = running, ""

    def roll_back(self) -> bool:
        """Exchange the running policy with the one before it; False if there is none."""
        if self.previous is None:
            return False
        self.current, self.previous = self.previous, self.current
        self.swaps += 1
        return True

    def load_now(self, path: Path, sha256: str) -> None:
        """Load and verify in the caller's thread, as at start-up; RefusedError if it may not drive."""
        try:
            self.swap(load_candidate(path, sha256, self._place, self._execution, None))
        except RefusedError as error:
            self.refusal = str(error)
            raise

    def request(self, path: Path, sha256: str, announced: bool, on_answer: Callable[[Answer], None]) -> None:
        """Queue a candidate; an announcement replaces one that still waits; the running one is skipped."""
        if announced:
            if self.current is not None and sha256 == self.current.sha256:
                return
            self._waiting = deque(request for request in self._waiting if not request.announced)
        self._waiting.append(_Request(path, sha256, announced, on_answer))

    def step(self, stored: Observation | None) -> bool:
        """Take a verified candidate and start on the next; return whether another policy runs now.

        `stored` is the observation for the candidate's trial.
        """
        swapped = False
        if self._request is not None and not self._outcomes.empty():
            outcome, request = self._outcomes.get(), self._request
            self._request = None
            fault = self._accept(outcome)
            swapped = fault is None
            request.on_answer(Answer(fault, "" if swapped else self.refusal, self.version))
        if self._request is None and self._waiting:
            request = self._request = self._waiting.popleft()
            place, execution = self._place, self._execution
            self._loader.revive()
            self._loader.submit(
                lambda: load_candidate(request.path, request.sha256, place, execution, stored)
            )
        return swapped

    def close(self) -> None:
        """End the thread."""
        self._loader.stop(0.5)

    def _accept(self, outcome: Outcome[Running]) -> Fault | None:
        if outcome.result is not None:
            self.swap(outcome.result)
            return None
        self.refusal = str(outcome.error)
        if outcome.trace:
            self.crashes.append(outcome.trace)
        return outcome.error.fault if isinstance(outcome.error, RefusedError) else Fault.INVALID

    def _on_outcome(self, outcome: Outcome[Running]) -> None:
        self._outcomes.put(outcome)
        self._wake()
