"""Record bags from a thread of its own: whoever hands in messages never waits for a disk.

What waits to be written is bounded. Where the disk, or this thread, does not keep up, messages are left out,
counted by topic and said within a second. Whatever befalls a bag, the next one is recorded.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from drift_formats.bags.metadata import Topic
from drift_formats.bags.open_bag import KEEP_FREE_BYTES, Losses, Message, Notes, OpenBag

_MESSAGE_BYTES = 200  # about what one takes beside its data
_SMALL_BYTES = 16 << 10  # what is smaller no disk feels: pictures are left out before it
_LARGE_SHARE = 0.875  # of what may wait, for what is larger
_SAY_S = 0.5


class _LossReport:
    """What did not fit into the queue of one bag; said by whichever of two threads comes first."""

    def __init__(self, bag: str, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.losses = Losses()
        self._bag, self._say, self._clock = bag, say, clock
        self._lock = threading.Lock()
        self._waits, self._said, self._said_s = False, 0, -math.inf

    def add(self, topic: str) -> None:
        self.losses.add(topic)
        self._waits = True

    def say_when_due(self) -> None:
        if self._waits and self._clock() - self._said_s >= _SAY_S:
            self.say()

    def say(self) -> None:
        with self._lock:
            self._waits, total = False, self.losses.total
            if total == self._said:
                return
            self._said, self._said_s = total, self._clock()
        left_out = f"{total} messages left out so far, more than can be written ({self.losses})"
        self._say(f"bag {self._bag}: {left_out}")


class BagRecorder:
    """Write one bag after the other below `root`; all is called from one thread."""

    def __init__(
        self,
        root: Path,
        say: Callable[[str], None],
        queue_bytes: int,
        pressed: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        keep_free_bytes: int = KEEP_FREE_BYTES,
    ) -> None:
        """`pressed`: whether something more important waits for the disk, so that pictures must not."""
        self._root, self._say, self._limit, self._pressed = root, say, queue_bytes, pressed
        self._clock, self._keep_free_bytes = clock, keep_free_bytes
        self._queue: deque[Message | Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._bytes = 0  # of messages that wait, the one being written included
        self._bag = ""  # that is open
        self._report = _LossReport("", say, clock)  # of the open bag, or of the last one
        self._written: OpenBag | None = None  # the thread's
        self._ended = False  # likewise
        # what ends without `close` does not wait for it
        self._thread = threading.Thread(target=self._run, name="bag", daemon=True)
        self._thread.start()

    @property
    def bag(self) -> str:
        """The open bag; empty when none is."""
        return self._bag

    @property
    def losses(self) -> Losses:
        """Of the open bag, or of the last one."""
        return self._report.losses

    def begin(self, bag: str, notes: Notes) -> None:
        """Open the bag `bag`, with metadata records at its beginning."""
        self._bag, self._report = bag, _LossReport(bag, self._say, self._clock)
        losses = self.losses
        self._ask(lambda: self._open(self._root / bag, notes, losses))

    def put(self, topic: Topic, data: bytes, log_ns: int, publish_ns: int, sequence: int = 0) -> None:
        """Take one message, `data` in CDR with its header of 4 bytes; nothing when no bag is open.

        `log_ns`, when it arrived, and `publish_ns`, when it was sent, count from 1970.
        """
        if not self._bag:
            return
        size = len(data) + _MESSAGE_BYTES
        large = size > _SMALL_BYTES
        if self._bytes + size > self._limit * (_LARGE_SHARE if large else 1.0) or (large and self._pressed()):
            self._report.add(topic.name)
            self._report.say_when_due()
            return
        self._report.say_when_due()
        with self._changed:
            self._bytes += size
            self._queue.append(Message(topic, data, log_ns, publish_ns, sequence))
            self._changed.notify()

    def end(self, notes: Notes) -> None:
        """Finish the bag, with further metadata records, once all that was handed in is written."""
        if self._bag:
            self._report.say()
            self._bag = ""
            self._ask(lambda: self._close(lambda bag: bag.end(notes)))

    def drop(self) -> None:
        """Throw the open bag away, if there is one."""
        if self._bag:
            self._report.say()
            self._bag = ""
            self._ask(lambda: self._close(OpenBag.drop))

    def close(self) -> None:
        """Write what waits, throw an open bag away, and end the thread."""
        self.drop()
        self._ask(self._end)
        self._thread.join()

    def _ask(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._queue.append(job)
            self._changed.notify()

    def _run(self) -> None:
        while not self._ended:
            try:
                self._take_one()
            except Exception as error:  # whatever it is, the bags to come need this thread
                if (bag := self._written) is not None:
                    bag.break_off(repr(error))
                else:
                    self._say(f"bags in {self._root}: {error!r}")

    def _take_one(self) -> None:
        """Wait for one message or job, but not longer than until the chunk is to end."""
        bag = self._written
        with self._changed:
            wait_s = None if bag is None else bag.due_in_s(self._clock())
            there = self._changed.wait_for(lambda: bool(self._queue), wait_s)
            item = self._queue.popleft() if there else None
        if isinstance(item, Message):
            try:
                if bag is not None:
                    bag.write(item)
            finally:
                with self._changed:
                    self._bytes -= len(item.data) + _MESSAGE_BYTES
        elif item is not None:
            item()
        if (bag := self._written) is not None and bag.due_in_s(now_s := self._clock()) <= 0.0:
            bag.flush(now_s)
        self._report.say_when_due()

    def _open(self, folder: Path, notes: Notes, losses: Losses) -> None:
        self._written = OpenBag(folder, notes, losses, self._say, self._clock(), self._keep_free_bytes)

    def _close(self, how: Callable[[OpenBag], None]) -> None:
        if (bag := self._written) is not None:
            how(bag)
            self._written = None

    def _end(self) -> None:
        self._ended = True
