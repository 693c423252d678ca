"""A process and everything it started, by process group."""

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grace:
    """How long each stage of a stop is asked before it is made to."""

    interrupt_s: float = 1.2  # after SIGINT; the gate needs up to 1 s to bring the arm to rest
    terminate_s: float = 0.2  # after SIGTERM
    kill_s: float = 0.1  # after SIGKILL, for the kernel


class ProcessGroup:
    """A group leader, watched through a pidfd: it need not be a child, and a reused pid is never hit."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.first_signal = signal.SIGINT  # how it is asked to stop
        self._pidfd = os.pidfd_open(pid)
        self._poll = select.poll()
        self._poll.register(self._pidfd, select.POLLIN)

    def alive(self) -> bool:
        """Whether the leader still runs; a zombie does not."""
        return not self._poll.poll(0)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the leader alone: it stops its own helpers."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return  # it has ended meanwhile, which is what was wanted

    def kill(self) -> None:
        """Kill every process of the group, also those that a dead leader left behind."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Free the file descriptor."""
        os.close(self._pidfd)


def stop_in_order(
    stages: Sequence[Sequence[ProcessGroup]],
    grace: Grace,
    while_waiting: Callable[[], bool] = lambda: False,
) -> None:
    """Stop one stage after the other, each by SIGINT, then SIGTERM, then SIGKILL to the whole group.

    Takes at most the sum of `grace` for each stage. `while_waiting` is called again
    and again; when it returns true, everything left is killed at once.
    """
    for stage in stages:
        for group in stage:
            group.send(group.first_signal)
        if not _all_ended(stage, grace.interrupt_s, while_waiting):
            for group in stage:
                group.send(signal.SIGTERM)
            _all_ended(stage, grace.terminate_s, while_waiting)
        for group in stage:
            group.kill()
        _all_ended(stage, grace.kill_s, lambda: False)


def _all_ended(stage: Sequence[ProcessGroup], wait_s: float, while_waiting: Callable[[], bool]) -> bool:
    limit_s = time.monotonic() + wait_s
    while any(group.alive() for group in stage):
        if time.monotonic() >= limit_s or while_waiting():
            return False
        time.sleep(0.01)
    return True
