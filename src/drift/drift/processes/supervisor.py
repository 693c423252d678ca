"""Start processes in order, kill those that hang, respawn those that may die, stop all in order when one dies
that may not."""

import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from drift.errors import StackError
from drift.processes.backoff import Backoff
from drift.processes.group import Grace, ProcessGroup, stop_in_order
from drift.processes.process import REFUSED, ProcessSpec, SupervisedProcess, describe_exit
from drift.processes.reaper import Reaper

OWN_NAME = "drift"  # the name under which the supervisor's own lines are reported
_POLL_S = 0.05
_LAST_LINES = 12


@dataclass(frozen=True)
class Ending:
    """Why the processes were stopped."""

    text: str
    failed: str | None = None  # the process that died, None when a stop was asked for
    unclean: tuple[str, ...] = ()  # what had died before it was told to stop, or had to be killed

    @property
    def exit_code(self) -> int:
        """0 when a stop was asked for, and every process then ended by itself."""
        return 0 if self.failed is None and not self.unclean else 1


@dataclass(frozen=True)
class ProcessStatus:
    """How one process is doing."""

    pid: int | None  # None while it waits for its next start, and after the end
    restarts: int


def ignore_line(name: str, line: str) -> None:
    """Let the log file be enough."""


def nothing() -> None:
    """Killed processes leave nothing behind."""


class ProcessSupervisor:
    """Run processes from one background thread; use it in a `with` block.

    `on_line(name, line)` is called from that thread for each line a process writes, and under the name
    "drift" for the supervisor's own. Everything is also in `log_folder/<name>.log`. Should this program die
    without a word, a small reaper process stops what it had started, in the same order.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        log_folder: Path,
        on_line: Callable[[str, str], None] = ignore_line,
        grace: Grace | None = None,
        backoff: Backoff | None = None,
        tidy: Callable[[], object] = nothing,
    ) -> None:
        """`tidy` removes what killed processes leave behind; called before each respawn and after the end."""
        self._on_line = on_line
        self._grace = grace or Grace()
        self._backoff = backoff or Backoff()
        self._tidy = tidy
        log_folder.mkdir(parents=True, exist_ok=True)
        self._own_log = (log_folder / f"{OWN_NAME}.log").open("a")
        self._processes = {spec.name: SupervisedProcess(spec, log_folder) for spec in specs}
        # Plain attributes, polled: a signal handler may set them at any moment, even while a lock is held.
        self._stop_text: str | None = None
        self._hurry = False
        self._started = threading.Event()
        self._ended = threading.Event()
        self._ending: Ending | None = None
        self._error: Exception | None = None
        self._reaper = Reaper()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> "ProcessSupervisor":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("stopped" if kind is None else f"stopped by {kind.__name__}")

    def start(self) -> None:
        """Start every process, in the order of the list; returns when each has a process id."""
        self._thread.start()
        self._started.wait()
        self._raise_own_error()

    def wait(self, timeout_s: float | None = None) -> Ending | None:
        """Wait for the end of everything; None if it still runs after `timeout_s`."""
        limit_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        # In slices: a signal that the kernel gives to another thread does not wake this one, and its handler
        # would have to wait for the end, too.
        while not self._ended.wait(max(0.0, min(_POLL_S, limit_s - time.monotonic()))):
            if time.monotonic() >= limit_s:
                break
        self._raise_own_error()
        return self._ending

    def request_stop(self, text: str) -> None:
        """Begin to stop everything in order and return at once; asked again, kill what is left."""
        if self._stop_text is None:
            self._stop_text = text
        else:
            self._hurry = True

    def stop(self, text: str = "stopped") -> Ending:
        """Stop everything in order (within 5 s) and return why it ended; harmless after the end."""
        if self._stop_text is None:
            self._stop_text = text
        self._ended.wait()
        self._raise_own_error()
        return self._ending or Ending(text)

    def status(self) -> dict[str, ProcessStatus]:
        """How each process is doing."""
        return {
            name: ProcessStatus(None if process.group is None else process.group.pid, process.restarts)
            for name, process in self._processes.items()
        }

    def last_lines(self, name: str, count: int = _LAST_LINES) -> list[str]:
        """The last lines that one process wrote."""
        return list(self._processes[name].log.last)[-count:]

    def wait_for_line(self, name: str, text: str, timeout_s: float) -> None:
        """Wait until process `name` has written a line that contains `text`; StackError after `timeout_s`."""
        self.wait_until(
            lambda: any(text in line for line in self._processes[name].log.last),
            f"{name} to write {text!r}",
            timeout_s,
            about=(name,),
        )

    def wait_until(
        self, ready: Callable[[], bool], what: str, timeout_s: float, about: Sequence[str] = ()
    ) -> None:
        """Wait until `ready()`; StackError when the processes end before, or after `timeout_s`.

        The message quotes the last lines of the process that died, or of the processes in `about`.
        """
        limit_s = time.monotonic() + timeout_s
        while not ready():
            if self._ended.wait(_POLL_S):
                self._raise_own_error()
                ending = self._ending
                about = (ending.failed,) if ending is not None and ending.failed else about
                raise StackError(self._quoting(f"{ending.text if ending else 'stopped'}", about))
            if time.monotonic() >= limit_s:
                restless = tuple(n for n, process in self._processes.items() if process.failures > 0)
                raise StackError(
                    self._quoting(f"waited {timeout_s:g} s in vain for {what}", restless or tuple(about))
                )

    def _quoting(self, text: str, names: Sequence[str]) -> str:
        quotes = [f"{text}"]
        for name in names:
            quotes.append(f"last lines of {self._processes[name].log_path}:")
            quotes += [f"  {line}" for line in self.last_lines(name)] or ["  (nothing)"]
        return "\n".join(quotes)

    def _raise_own_error(self) -> None:
        if self._error is not None:
            raise self._error

    # From here on: the background thread.

    def _run(self) -> None:
        try:
            for process in self._processes.values():
                self._start_process(process)
            self._started.set()
            while self._ending is None:
                time.sleep(_POLL_S)
                self._watch_once()
        except Exception as error:  # handed to whoever waits; what runs is stopped below all the same
            self._error = error
        finally:
            try:
                self._stop_all()
                self._reaper.watch([])
                self._reaper.close()
            finally:
                self._started.set()
                self._ended.set()

    def _watch_once(self) -> None:
        if self._stop_text is not None:
            self._ending = Ending(self._stop_text)
            return
        for process in self._processes.values():
            self._report_lines(process)
            process.kill_if_hanging()
            code = process.collect()
            if code is not None:
                self._report_lines(process, at_end=True)
                self._on_death(process, code)
                self._reaper.watch(self._stages())
        if self._ending is not None:
            return
        for process in self._processes.values():
            if process.group is None and not process.finished and time.monotonic() >= process.start_at_s:
                process.restarts += 1
                self._start_process(process)

    def _start_process(self, process: SupervisedProcess) -> None:
        if process.restarts:
            self._tidy()
        process.start()
        self._reaper.watch(self._stages())

    def _on_death(self, process: SupervisedProcess, code: int) -> None:
        name, why = process.spec.name, process.describe_end(code)
        if code == REFUSED:
            why = f"{why}: {process.log.last[-1] if process.log.last else 'it said nothing'}"
        if process.spec.once and code == 0:
            process.finished = True
            return
        if process.spec.essential or process.spec.once or code == REFUSED:
            self._ending = self._ending or Ending(
                f"{name} died ({why}): shutting everything down", failed=name
            )
            return
        if time.monotonic() - process.started_s >= self._backoff.settled_s:
            process.failures = 0
        process.failures += 1
        delay_s = self._backoff.delay_s(process.failures)
        process.start_at_s = time.monotonic() + delay_s
        self._say(f"{name} died ({why}): restart {process.restarts + 1} in {delay_s:g} s")

    def _stop_all(self) -> None:
        if self._ending is not None:
            self._say(self._ending.text)
        unclean = []
        for name, process in self._processes.items():
            code = process.collect()
            self._report_lines(process, at_end=code is not None)
            if process.finished or (process.spec.once and code == 0):
                continue
            if code is not None:
                self._say(f"{name} had died: {describe_exit(code)}")
            if process.group is None:
                unclean.append(name)
            elif not process.said_something:
                # a node that still imports would answer SIGINT with a traceback; later it takes both alike
                process.group.first_signal = signal.SIGTERM
        stop_in_order(self._running(), self._grace, self._while_stopping)
        for name, process in self._processes.items():
            code = process.collect()
            self._report_lines(process, at_end=True)
            if code not in (None, 0, -signal.SIGINT, -signal.SIGTERM):
                self._say(f"{name} did not stop cleanly: {describe_exit(code or 0)}")
                unclean.append(name)
            process.close()
        if self._ending is not None:
            self._ending = replace(self._ending, unclean=tuple(unclean))
        self._tidy()
        self._own_log.close()

    def _while_stopping(self) -> bool:
        for process in self._processes.values():
            self._report_lines(process)
        return self._hurry

    def _running(self) -> list[list[ProcessGroup]]:
        """What runs, in stages; the first is stopped first."""
        stages: dict[int, list[ProcessGroup]] = {}
        for process in sorted(self._processes.values(), key=lambda process: process.spec.stop_stage):
            if process.group is not None:
                stages.setdefault(process.spec.stop_stage, []).append(process.group)
        return list(stages.values())

    def _stages(self) -> list[list[int]]:
        return [[group.pid for group in stage] for stage in self._running()]

    def _report_lines(self, process: SupervisedProcess, at_end: bool = False) -> None:
        for line in process.log.new_lines(at_end):
            process.said_something = True
            self._tell(process.spec.name, line)

    def _say(self, text: str) -> None:
        self._own_log.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self._own_log.flush()
        self._tell(OWN_NAME, text)

    def _tell(self, name: str, line: str) -> None:
        try:
            self._on_line(name, line)
        except (
            Exception,
            SystemExit,
        ) as error:  # a broken console must not keep anything from being stopped;
            self._on_line = ignore_line  # rich turns a closed pipe into SystemExit
            self._error = error if isinstance(error, Exception) else BrokenPipeError("nobody reads the log")
            self._stop_text = self._stop_text or f"the log could not be shown: {self._error}"
