"""Stop what a dead supervisor left behind: `python -m drift.processes.reaper`, started by the supervisor.

Each line on standard input is a JSON list of stages, each a list of process ids. When the pipe closes, the
supervisor is gone, however it died (SIGKILL, out of memory); what the last line named is stopped in order.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from drift.processes.group import Grace, ProcessGroup, stop_in_order


class Reaper:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        self._process = self._start()

    def watch(self, stages: Sequence[Sequence[int]]) -> None:
        """Tell it what to stop."""
        line = json.dumps(stages) + "\n"
        try:
            self._write(line)
        except BrokenPipeError:
            self._process = self._start()  # somebody killed the reaper
            self._write(line)

    def close(self) -> None:
        """End it; call after everything was stopped."""
        self._process.communicate(timeout=5.0)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, start_new_session=True, text=True
        )

    def _write(self, line: str) -> None:
        pipe = self._process.stdin
        if pipe is not None:
            pipe.write(line)
            pipe.flush()


def main() -> None:
    """Read until the pipe closes, then stop what is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    watched: dict[int, ProcessGroup] = {}
    stages: list[list[int]] = []
    for line in sys.stdin:
        if not line.endswith("\n"):
            break  # the supervisor died while it wrote
        stages = json.loads(line)
        wanted = {pid for stage in stages for pid in stage}
        for pid in set(watched) - wanted:
            watched.pop(pid).close()
        for pid in wanted - set(watched):
            try:
                watched[pid] = ProcessGroup(pid)
            except ProcessLookupError:
                continue  # it ended before we looked; the supervisor will say so
    groups = [[watched[pid] for pid in stage if pid in watched] for stage in stages]
    orphans = any(group.alive() for stage in groups for group in stage)
    stop_in_order(groups, Grace())
    if orphans:
        try:
            os.write(2, b"drift: the supervisor died; what it had started was stopped\n")
        except OSError:
            return  # the terminal is gone too


if __name__ == "__main__":
    main()
