"""One supervised process."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drift.processes.group import ProcessGroup
from drift.processes.log_file import LogFollower
from drift.processes.watchdog import Watchdog

ABORT_S = 0.2  # for a process that hangs to write where it stands
REFUSED = 2  # exit code of a node whose configuration is wrong: starting it again would not help


@dataclass(frozen=True)
class ProcessSpec:
    """What to start, and what its death means."""

    name: str
    command: tuple[str, ...]
    essential: bool = False  # its death ends everything; otherwise it is respawned with back-off
    once: bool = False  # it does its work and ends with 0; any other end ends everything
    stop_stage: int = 0  # stages are stopped one after the other, the lowest first
    environment: Mapping[str, str] = field(default_factory=dict)  # added to this process's own
    watchdog_s: float | None = None  # it sends heartbeats; silent for so long, it is killed


class SupervisedProcess:
    """A process group that can be started several times, with one log file for all its lives."""

    def __init__(self, spec: ProcessSpec, log_folder: Path) -> None:
        self.spec = spec
        self.log_path = log_folder / f"{spec.name}.log"
        self._output = self.log_path.open("ab")
        self.log = LogFollower(self.log_path)
        self.group: ProcessGroup | None = None  # None while it does not run
        self.failures = 0  # in a row
        self.restarts = 0
        self.start_at_s = 0.0  # steady time of the next start
        self.started_s = 0.0
        self.said_something = False  # since its last start
        self.finished = False  # it runs once, and has
        self.hung_s: float | None = None  # steady time at which it was found hanging, since its last start
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog = None if spec.watchdog_s is None else Watchdog(spec.watchdog_s)

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C in the terminal reaches the supervisor alone."""
        listening: Mapping[str, str] = {}
        if self._watchdog is not None:
            self._watchdog.restart()
            listening = self._watchdog.environment
        self._process = subprocess.Popen(
            self.spec.command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.spec.environment, **listening},
            start_new_session=True,
        )
        self.group = ProcessGroup(self._process.pid)
        self.started_s = time.monotonic()
        self.said_something, self.hung_s = False, None

    def collect(self) -> int | None:
        """Return the exit code if it has ended since the last call, negative for a signal; else None."""
        if self.group is None or self._process is None or self.group.alive():
            return None
        self.group.kill()  # before the pid is given back: helpers it left behind
        self.group.close()
        self.group = None
        return self._process.wait()

    def kill_if_hanging(self) -> None:
        """End it if it has sent no heartbeat for longer than `watchdog_s`.

        By SIGABRT, as systemd does: nodes write where each of their threads stands. What cannot is killed.
        """
        if self.group is None or self._watchdog is None:
            return
        if self.hung_s is None and self._watchdog.hangs():
            self.hung_s = time.monotonic()
            self.group.send(signal.SIGABRT)
        elif self.hung_s is not None and time.monotonic() - self.hung_s > ABORT_S:
            self.group.kill()

    def describe_end(self, code: int) -> str:
        """Return in words why it ended with exit code `code`."""
        return (
            f"it hung, no heartbeat for {self.spec.watchdog_s:g} s"
            if self.hung_s is not None
            else describe_exit(code)
        )

    def close(self) -> None:
        """Close the log file, and stop listening."""
        if self._watchdog is not None:
            self._watchdog.close()
        self._output.close()
        self.log.close()


def describe_exit(code: int) -> str:
    """Return an exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
