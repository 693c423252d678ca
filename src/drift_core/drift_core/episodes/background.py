"""An episode that other threads encode and write: who records never waits for them, nor for the disk.

Some encode pictures side by side, which OpenCV does without Python's lock; one writes, in the order in which
samples were added.
"""

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from drift_config.errors import DriftError

from drift_core.episodes.images import LOSSLESS, ImageEncoding
from drift_core.episodes.record import EpisodeMeta, OutcomeName
from drift_core.episodes.rows import Row
from drift_core.episodes.writer import EpisodeWriter

QUEUE_BYTES = 128 << 20  # of rows that wait, pictures as they came: 1.2 s of four cameras 640x480 at 30 Hz
ENCODERS = 2  # threads: a PNG of 640x480 takes 7 to 14 ms of one core
FLUSH_S = 1.0  # what is older has been written
_CHECK_S = 0.5  # between two looks whether the folder is still there and may be written to
_LOOK_S = 0.03  # between two looks at the queue: a thread that is woken for each row costs the recording one


@dataclass(frozen=True, slots=True)
class _Waiting:
    row: Row
    size: int  # what it takes in memory, as it came
    encoded: Future[bytes] | None  # of a frame


class BackgroundWriter:
    """Record one episode below `root`, from one thread.

    `add` only queues. What was added is on its way to the disk within FLUSH_S, if the disk keeps up.
    """

    def __init__(
        self,
        root: Path | str,
        meta: EpisodeMeta,
        encoding: ImageEncoding = LOSSLESS,
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], float] = time.monotonic,
        encoders: int = ENCODERS,
    ) -> None:
        """`encoders`: threads for pictures. OSError and DataError as of an EpisodeWriter, opened here."""
        self._writer = EpisodeWriter(root, meta, encoding)
        self.rows = self._writer.rows
        self._queue_bytes, self._clock = queue_bytes, clock
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._encoders = ThreadPoolExecutor(encoders, "encoder")
        self._waiting_bytes = 0  # also of the row that is being written
        self._busy_since_s: float | None = None
        self._error = ""
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="episode", daemon=True)
        self._thread.start()
        # A thread that Python ends in the middle of a write ends the process badly.
        atexit.register(self._end)

    @property
    def trouble(self) -> str:
        """Why nothing is written any further; empty while all is well."""
        return self._error

    @property
    def waiting_bytes(self) -> int:
        """How much of what was added is not written yet."""
        return self._waiting_bytes

    def stalled_s(self) -> float:
        """Return for how long the disk has not taken what it was given, 0 when it is not asked to."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else self._clock() - since_s

    def add(self, row: Row) -> None:
        """Queue a row; OSError when nothing is written any further, for now and for good."""
        size = row.memory_bytes
        with self._changed:
            if not self._error and self._waiting_bytes + size > self._queue_bytes:
                waiting = f"{self._waiting_bytes / 1e6:.0f} MB wait, none taken for {self.stalled_s():.1f} s"
                self._error = f"more comes than this machine encodes and writes: {waiting}"
            if self._error:
                raise OSError(self._error)
            encoded = None if row.picture is None else self._encoders.submit(row.picture.data)
            self._queue.append(_Waiting(row, size, encoded))
            self._waiting_bytes += size

    def close(self, outcome: OutcomeName, score: float | None = None) -> Path:
        """Write what waits and finish, as EpisodeWriter.close."""
        self._end()
        return self._writer.close(outcome, score)

    def abort(self) -> None:
        """Throw the episode away; nothing happens when it has ended."""
        with self._changed:
            self._forget_waiting()
        self._end()
        self._writer.abort()

    def _end(self) -> None:
        atexit.unregister(self._end)
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()
        self._encoders.shutdown()

    def _forget_waiting(self) -> None:
        for waiting in self._queue:
            if waiting.encoded is not None:
                waiting.encoded.cancel()
        self._queue.clear()

    def _run(self) -> None:
        try:
            self._write_until_the_end()
        except (OSError, DriftError) as error:
            self._fail(str(error))
        except BaseException as error:
            self._fail(repr(error))
            raise

    def _fail(self, text: str) -> None:
        with self._changed:
            self._error = text
            self._forget_waiting()
            self._waiting_bytes, self._busy_since_s = 0, None

    def _write_until_the_end(self) -> None:
        flush_due_s, check_due_s = self._clock() + FLUSH_S, self._clock() + _CHECK_S
        while True:
            with self._changed:
                ending = self._changed.wait_for(lambda: self._ending, _LOOK_S)
            more = True
            while more:
                if self._clock() >= check_due_s:
                    self._writer.check_place()
                    check_due_s = self._clock() + _CHECK_S
                more = self._write_next()
                if self._clock() >= flush_due_s:
                    self._busy_since_s = self._clock()
                    self._writer.flush()
                    self._busy_since_s = None
                    flush_due_s = self._clock() + FLUSH_S
            if ending:  # nothing is added after that
                return

    def _write_next(self) -> bool:
        """Write the row that waits longest; return whether there was one."""
        with self._changed:
            if not self._queue:
                return False
            next_one = self._queue.popleft()
        if next_one.encoded is not None:
            next_one.encoded.result()
        self._busy_since_s = self._clock()
        self._writer.add(next_one.row)
        with self._changed:
            self._busy_since_s = None
            self._waiting_bytes -= next_one.size
        return True
