"""Threads that stay as they were scheduled, whatever a library does to them.

Started by root, SVT-AV1 (4.1, of av 18.1) schedules its own threads and the one that calls it first in, first
out at priority 99, for good: above the gate and ros2_control, which an export beside them would stop.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def as_scheduled() -> Iterator[None]:
    """Give the threads of this process their policy and priority of before back at the end of the block.

    Those that were started in it get those of the calling thread. PermissionError as of sched_setscheduler.
    """
    before = _threads()
    own = before[threading.get_native_id()]
    try:
        yield
    finally:
        for thread, now in _threads().items():
            if (wanted := before.get(thread, own)) != now:
                with suppress(ProcessLookupError):  # it has ended
                    os.sched_setscheduler(thread, wanted[0], os.sched_param(wanted[1]))


def _threads() -> dict[int, tuple[int, int]]:
    """Return policy and priority of each thread of this process, by its id."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            thread = int(task.name)
            found[thread] = os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
    return found
