"""Checkpoints come while the policy runs: verified in a thread of their own, swapped in between chunks.

One that is announced and not on a disk that is seen here is fetched from the trainer first (deliveries.py).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from drift_core.observation.spec import Observation
from drift_core.policy.checkpoint_folder import LATEST, read_latest, write_latest
from drift_core.policy.rollback import ROLLED_BACK, read_rolled_back, write_rolled_back

from drift_policy_node.candidate import (
    ActivePolicy,
    CandidateFault,
    Execution,
    PolicySlot,
    RefusedError,
    load_candidate,
)
from drift_policy_node.deliveries import Deliveries, Order
from drift_policy_node.fetch import Fetcher
from drift_policy_node.worker import InferenceWorker, Outcome

_NICENESS = 5  # of the loader: building an engine takes a core for a second, which denoising needs


@dataclass(frozen=True)
class LoadResult:
    """What became of a request to load a checkpoint."""

    fault: CandidateFault | None
    message: str
    version: int  # running afterwards


@dataclass(frozen=True, eq=False)
class _Request:
    path: Path
    sha256: str  # "": not checked
    announced: bool  # by the trainer, for everybody; else somebody waits for the answer
    on_answer: Callable[[LoadResult], None]
    fetched: frozenset[str] = frozenset()  # names of files of the trainer, now in one's own folder


class CheckpointExchange:
    """The running policy, the one before it, and why the last candidate was refused.

    Swapping is an assignment: a denoising job keeps the policy with which it began.
    """

    def __init__(
        self,
        place: PolicySlot,
        execution: Execution,
        folder: Path,
        load_limit_s: float,
        wake: Callable[[], None],
        fetcher: Fetcher,
    ) -> None:
        """`folder`: of LATEST, where a rollback is remembered, and into which `fetcher` brings files.

        `load_limit_s`: a candidate that takes longer is named, and nobody is kept waiting for it.
        """
        self.current: ActivePolicy | None = None
        self.previous: ActivePolicy | None = None
        self.swaps = 0
        self.refusal = ""
        self.unremembered = ""  # why a restart would undo the last rollback
        self.crashes: list[str] = []  # tracebacks of loader threads that died
        self._place, self._execution, self._load_limit_s, self._wake = place, execution, load_limit_s, wake
        self._folder, remembered = folder, read_rolled_back(folder)
        # SHA-256 of what was left by a rollback and not asked for since, and what ran instead
        self._rolled_back = set(remembered.left) if remembered else set[str]()
        self._instead = (folder / remembered.file, remembered.sha256) if remembered else None
        self._waiting: deque[_Request] = deque()
        self._request: _Request | None = None  # under way
        self._given_up = False  # the one under way has been refused for taking too long
        self._outcomes: SimpleQueue[Outcome[ActivePolicy]] = SimpleQueue()
        self._loader = InferenceWorker("loader", self._on_outcome, (RefusedError,), niceness=_NICENESS)
        self._fetcher, self._deliveries = fetcher, Deliveries[_Request](fetcher, wake)

    @property
    def version(self) -> int:
        """The running version, 0 for none."""
        return self.current.version if self.current else 0

    def swap(self, running: ActivePolicy) -> bool:
        """Run `running` from the next chunk on; False if the same file runs already, and goes on.

        The first policy of a run is no swap.
        """
        self.refusal = ""
        if self.current is not None and running.sha256 == self.current.sha256:
            return False
        if self.current is not None:
            self.previous = self.current
            self.swaps += 1
        self.current = running
        self._remember(self._rolled_back - {running.sha256})
        return True

    def roll_back(self) -> bool:
        """Exchange the running policy with the one before it; False if there is none.

        The policy that is left does not come back by an announcement, only when somebody asks for it.
        """
        if self.current is None or self.previous is None:
            return False
        self.current, self.previous = self.previous, self.current
        self._remember((self._rolled_back | {self.previous.sha256}) - {self.current.sha256})
        self.swaps += 1
        return True

    def first(self) -> tuple[Path | None, str]:
        """Return what is to run at the start and its SHA-256: what LATEST names, or, where that was rolled
        back, what ran instead."""
        latest = read_latest(self._folder)
        if latest is None:
            return None, ""
        if self._instead is not None and latest.sha256 in self._rolled_back:
            return self._instead
        return self._folder / latest.file, latest.sha256

    def load_now(self, path: Path, sha256: str) -> None:
        """Load and verify in the caller's thread, as at start-up; RefusedError if it may not drive."""
        try:
            self.swap(load_candidate(path, sha256, self._place, self._execution, None))
        except RefusedError as error:
            self.refusal = str(error)
            raise

    def request(
        self, path: Path, sha256: str, announced: bool, on_answer: Callable[[LoadResult], None]
    ) -> None:
        """Queue a candidate; an announcement replaces one that still waits; the running one is skipped.

        An announcement that may not be loaded is refused at once, and replaces nothing.
        """
        new = _Request(path, sha256, announced, on_answer)
        if announced:
            if self.current is not None and sha256 == self.current.sha256:
                return
            if self._refuse_announced(new):
                return
            self._waiting = deque(request for request in self._waiting if not request.announced)
        self._waiting.append(new)

    def step(self, stored: Observation | None, now_s: float) -> bool:
        """Take a verified candidate and start on the next; return whether another policy runs now.

        `stored` is the observation for the candidate's trial, `now_s` steady time.
        """
        swapped = self._take_outcome()
        self._take_deliveries(now_s)
        if trouble := self.trouble(now_s):
            self._keep_nobody_waiting(trouble)
        while self._request is None and self._waiting:
            self._start(self._waiting.popleft(), stored)
        return swapped

    def trouble(self, now_s: float) -> str:
        """Return in words that a candidate has been loading for too long, empty if none has."""
        busy_s = self._loader.busy_s(now_s)
        if self._request is None or busy_s <= self._load_limit_s:
            return ""
        return f"loading {self._request.path} has been running for {busy_s:.1f} s"

    def waiting(self, now_s: float) -> str:
        """Return in words that the trainer does not hand out what it has announced, empty if it does."""
        return self._deliveries.trouble(now_s)

    def close(self) -> None:
        """End the threads."""
        self._deliveries.close()
        self._loader.stop(0.5)

    def _remember(self, rolled_back: set[str]) -> None:
        if rolled_back == self._rolled_back or self.current is None:
            return
        self._rolled_back, self.unremembered = rolled_back, ""
        self._instead = self.current.path, self.current.sha256
        try:
            write_rolled_back(self._folder, rolled_back, *self._instead)
        except OSError as error:  # it holds all the same until the node ends
            path = self._folder / ROLLED_BACK
            self.unremembered = f"{path} cannot be written: {error.strerror}; a restart undoes the rollback"

    def _take_outcome(self) -> bool:
        if self._request is None or self._outcomes.empty():
            return False
        outcome, request, given_up = self._outcomes.get(), self._request, self._given_up
        self._request, self._given_up = None, False
        if outcome.trace:
            self.crashes.append(outcome.trace)
        if given_up:
            return False
        if isinstance(outcome.error, RefusedError):
            wanted = outcome.error.wanted
            if request.announced and not request.fetched.issuperset(wanted):
                self._deliveries.want(Order(request, wanted, request.sha256, outcome.reason))
            else:
                self._refuse(request, outcome.error.fault, outcome.reason)
            return False
        if outcome.result is None:
            self._refuse(request, CandidateFault.INVALID, f"{request.path}: {outcome.reason}")
            return False
        swapped = self.swap(outcome.result)
        request.on_answer(LoadResult(None, "" if swapped else f"{request.path} runs already", self.version))
        # what has come, or is coming, for another candidate is needed, too
        if request.fetched and self._deliveries.idle and not any(r.fetched for r in self._waiting):
            ours = [running.path for running in (self.current, self.previous) if running is not None]
            self._fetcher.tidy(ours + ([self._instead[0]] if self._instead else []))
        return swapped

    def _take_deliveries(self, now_s: float) -> None:
        """Load what has come from the trainer; refuse what does not come."""
        for delivery in self._deliveries.step(now_s):
            request = delivery.order.request
            if delivery.trace:
                self.crashes.append(delivery.trace)
            if delivery.path is None:
                self._refuse(request, delivery.fault, delivery.text)
            else:
                fetched = request.fetched.union(delivery.order.wanted)
                self._waiting.appendleft(replace(request, path=delivery.path, fetched=fetched))

    def _start(self, request: _Request, stored: Observation | None) -> None:
        if request.announced and self._refuse_announced(request):  # rolled back while it waited
            return
        self._request = request
        place, execution = self._place, self._execution
        running = [policy for policy in (self.current, self.previous) if policy is not None]
        self._loader.revive()
        self._loader.submit(lambda: _load(request, place, execution, stored, running))

    def _refuse_announced(self, request: _Request) -> bool:
        """Refuse an announcement without a hash, or of what was rolled back; return whether it is one."""
        if not request.sha256:
            text = f"{request.path}: announced without its SHA-256"
            self._refuse(request, CandidateFault.HASH_MISMATCH, text)
            return True
        if request.sha256 in self._rolled_back:
            text = f"{request.path}: it was rolled back; policy/load_checkpoint would load it all the same"
            self._refuse(request, CandidateFault.ROLLED_BACK, text)
            return True
        return False

    def _keep_nobody_waiting(self, trouble: str) -> None:
        """Refuse what somebody waits for; announcements wait on, and one under way may still end well."""
        if self._request is not None and not self._request.announced and not self._given_up:
            self._given_up = True
            self._refuse(self._request, CandidateFault.INVALID, f"{trouble} and is given up")
        for request in [request for request in self._waiting if not request.announced]:
            self._waiting.remove(request)
            self._refuse(request, CandidateFault.INVALID, f"{request.path}: not looked at, {trouble}")

    def _refuse(self, request: _Request, fault: CandidateFault, text: str) -> None:
        self.refusal = text
        request.on_answer(LoadResult(fault, text, self.version))

    def _on_outcome(self, outcome: Outcome[ActivePolicy]) -> None:
        self._outcomes.put(outcome)
        self._wake()


def _load(
    request: _Request,
    place: PolicySlot,
    execution: Execution,
    stored: Observation | None,
    running: list[ActivePolicy],
) -> ActivePolicy:
    loaded = load_candidate(request.path, request.sha256, place, execution, stored, running)
    if request.fetched:  # a node that is started again while there is no trainer runs it
        try:
            write_latest(request.path, loaded.sha256, loaded.version)
        except OSError as error:
            text = f"{request.path}: cannot be written down in {LATEST}: {error.strerror}"
            raise RefusedError(CandidateFault.NOT_FETCHED, text) from error
    return loaded
