"""Keep one training worker running and talk to it, without ever waiting for it.

The worker is an ordinary program (`python -m trainer_node.worker`). `poll()` is called from a timer: it reads
what the worker has said, and brings a dead or silent worker back, with the request it was working on.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from trainer_node.worker_messages import (
    Announced,
    Cancel,
    Command,
    Event,
    Failed,
    Failure,
    Fatal,
    Finished,
    Preparing,
    ProgressMessage,
    Quit,
    Ready,
    TrainRequest,
    Waiting,
    Warned,
    WorkerJob,
    command_to_line,
    event_from_line,
)

# Without these, glibc gives the big tensors of every step back to the kernel and asks for them again:
# about 20 % of a step on one thread.
_MALLOC_BYTES = str(4 * 1024**3)
_READ_BYTES = 65536


@dataclass(frozen=True)
class RestartPolicy:
    """How often and how fast a worker that ended is started again."""

    first_wait_s: float  # before the first restart; doubled for each further one
    longest_wait_s: float
    attempts: int  # restarts for one request before it fails
    silence_s: float  # a busy worker that says nothing for so long is killed and restarted
    start_s: float = 300.0  # likewise one that is not ready: to import torch takes a minute on a busy machine


def worker_command(job: WorkerJob) -> list[str]:
    """Return the command line that starts a worker for `job`."""
    return [sys.executable, "-m", "trainer_node.worker", "--job", json.dumps(asdict(job))]


def worker_environment() -> dict[str, str]:
    """Return this process's environment with what glibc must be told before the worker starts."""
    return {**os.environ, "MALLOC_MMAP_THRESHOLD_": _MALLOC_BYTES, "MALLOC_TRIM_THRESHOLD_": _MALLOC_BYTES}


class WorkerProcess:
    """One worker process: started, watched, restarted with back-off, stopped."""

    def __init__(
        self,
        command: Sequence[str],
        environment: dict[str, str],
        policy: RestartPolicy,
        log: Callable[[str], None],
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._policy = policy
        self._log = log
        self._steady_s = steady_s
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._ready = False
        self._fatal: str | None = None
        self._request: TrainRequest | None = None
        self._cancelled = False
        self._quitting = False
        self._restarts = 0  # in a row, without progress between them
        self._start_at_s = 0.0
        self._heard_s = 0.0  # or when it was started, or given a request

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on."""
        return self._request is not None

    @property
    def ready(self) -> bool:
        """Whether the worker has started and hears."""
        return self._ready

    @property
    def pid(self) -> int | None:
        """Process id, None while no worker runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the worker, in this process's group: whoever kills the group kills it too."""
        self._unread, self._ready = b"", False
        self._heard_s = self._steady_s()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        for pipe in (self._process.stdin, self._process.stdout):
            os.set_blocking(pipe.fileno(), False)

    def train(self, request: TrainRequest) -> None:
        """Hand a request over; its end comes as Finished or Failed from `poll`. RuntimeError while busy."""
        if self._request is not None:
            raise RuntimeError(f"round_id={self._request.round_id} is still running, one request at a time")
        self._request, self._restarts, self._cancelled = request, 0, False
        self._heard_s = self._steady_s()
        if self._ready:
            self._send(request)

    def cancel(self) -> None:
        """Give the running request up; Failed(CANCELLED) follows from `poll`."""
        self._cancelled = self._request is not None
        if self._cancelled and self._ready:
            self._send(Cancel())

    def poll(self) -> list[Event]:
        """Return what happened since the last call; never blocks."""
        events: list[Event] = []
        if self._process is None:
            self._start_when_due()
        else:
            code = self._process.poll()  # before reading: nothing follows the last words of a dead process
            events = [event for line in self._read_lines() if (event := self._take(line)) is not None]
            if code is not None:
                self._on_end(code)
            elif self.busy and self._steady_s() - self._heard_s > self._patience_s:
                self._log(f"the training worker said nothing for {self._patience_s:g} s: killed")
                self._process.kill()
        if self._request is not None and (failed := self._hopeless(self._request)) is not None:
            self._request = None
            events.append(failed)
        return events

    @property
    def _patience_s(self) -> float:
        return self._policy.silence_s if self._ready else self._policy.start_s

    def quit(self) -> None:
        """Ask the worker to end and start no other; `stop` waits for it."""
        self._quitting = True
        if self._process is not None:
            self._send(Quit())

    def stop(self, timeout_s: float) -> None:
        """Ask the worker to end, then insist; returns within about `timeout_s`."""
        if not self._quitting:
            self.quit()
        if self._process is None:
            return
        try:
            self._process.wait(0.5 * timeout_s)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            try:
                self._process.wait(0.5 * timeout_s)
            except subprocess.TimeoutExpired:
                self._log(f"the training worker (pid {self._process.pid}) does not end")
        self._close_pipes()
        self._request = None

    def _take(self, line: str) -> Event | None:
        self._heard_s = self._steady_s()
        try:
            event = event_from_line(line)
        except ValueError as error:
            self._log(f"the training worker said something unknown: {error}")
            return None
        match event:
            case Ready():
                self._ready = True
                if self._request is not None:
                    self._send(self._request)
            case ProgressMessage() | Waiting():
                self._restarts = 0
            case Fatal(text):
                self._fatal = text
            case Finished(round_id=round_id) | Failed(round_id=round_id):
                if self._request is None or self._request.round_id != round_id:
                    return None  # the answer to a request that was given up
                self._request = None
            case Preparing() | Warned() | Announced():
                pass
        return event

    def _on_end(self, code: int) -> None:
        self._close_pipes()
        self._ready = False
        self._restarts += 1
        wait_s = min(self._policy.longest_wait_s, self._policy.first_wait_s * 2.0 ** (self._restarts - 1))
        self._start_at_s = self._steady_s() + wait_s
        again = f"restart {self._restarts} in {wait_s:g} s" if self._fatal is None else self._fatal
        self._log(f"the training worker ended with code {code}: {again}")

    def _hopeless(self, request: TrainRequest) -> Failed | None:
        """Return how `request` ends when no worker will ever answer it."""
        if self._fatal is not None:
            return Failed(request.round_id, Failure.ERROR, self._fatal)
        if self._cancelled and not self._ready:
            return Failed(request.round_id, Failure.CANCELLED, "cancelled while no worker was ready")
        if self._process is None and self._restarts > self._policy.attempts:
            return Failed(request.round_id, Failure.WORKER_DIED, f"the worker ended {self._restarts} times")
        return None

    def _start_when_due(self) -> None:
        if self._fatal is None and not self._quitting and self._steady_s() >= self._start_at_s:
            self.start()

    def _send(self, command: Command) -> None:
        try:
            self._process.stdin.write(f"{command_to_line(command)}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            self._log(f"the training worker is gone, {type(command).__name__} was not delivered")

    def _read_lines(self) -> list[str]:
        while True:
            try:
                data = os.read(self._process.stdout.fileno(), _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                break
            self._unread += data
        *lines, self._unread = self._unread.split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _close_pipes(self) -> None:
        self._process.stdout.close()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            self._log("the training worker ended before it read its last command")
        self._process = None
