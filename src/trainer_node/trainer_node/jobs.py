"""Work with files beside the node's callbacks, in threads of its own."""

import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Jobs:
    """A few threads; what a job raises is never lost."""

    def __init__(self, threads: int, log: Callable[[str], None], niceness: int = 0) -> None:
        """`log` is told of what went wrong in a job that nobody waits for.

        `niceness` is added to the process's, for these threads.
        """
        self._niceness = niceness
        self._pool = ThreadPoolExecutor(threads, "files", self._begin)
        self._log = log

    def ask(self, job: Callable[[], T]) -> Future[T]:
        """Begin `job`; whoever asks looks at how it ended."""
        return self._pool.submit(job)

    def run(self, job: Callable[[], None]) -> None:
        """Begin `job`, for which nobody waits: an exception is logged with its traceback."""
        self._pool.submit(job).add_done_callback(self._look)

    def close(self) -> None:
        """Finish the jobs that have begun, forget the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + self._niceness)

    def _look(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            trace = "".join(traceback.format_exception(error))
            self._log(f"a job beside the trainer's work failed:\n{trace}")
