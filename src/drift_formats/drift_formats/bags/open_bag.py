"""A bag that is being recorded, on a disk that may become slow or full."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drift_formats.bags.metadata import Topic
from drift_formats.bags.writer import BagWriter

FLUSH_S = 0.5  # between two ends of a chunk: a killed process loses no more, beside what waits
KEEP_FREE_BYTES = 256 << 20  # on the disk, for the episode that is recorded beside
LOST_NOTE = "drift_lost"  # the metadata record that counts, by topic, what was left out so far

Notes = Mapping[str, Mapping[str, str]]  # metadata records, by name


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was serialized."""

    topic: Topic
    data: bytes
    log_ns: int  # when it arrived
    publish_ns: int  # when it was sent
    sequence: int


class Losses:
    """Messages of one bag that were left out, by topic; counted by two threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, topic: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[topic] += 1

    @property
    def total(self) -> int:
        """How many in all."""
        with self._lock:
            return self._counts.total()

    def plain(self) -> dict[str, str]:
        """Return the counts as a bag can keep them."""
        with self._lock:
            return {topic: str(count) for topic, count in sorted(self._counts.items())}

    def __str__(self) -> str:
        with self._lock:
            return ", ".join(f"{topic} {count}" for topic, count in self._counts.most_common(3))


class OpenBag:
    """Write one bag; after a disk error, which is said, all that is still handed in counts as lost."""

    def __init__(
        self,
        folder: Path,
        notes: Notes,
        losses: Losses,
        say: Callable[[str], None],
        now_s: float,
        keep_free_bytes: int = KEEP_FREE_BYTES,
    ) -> None:
        """`notes`: metadata records for the beginning of the file."""
        self._folder, self._losses, self._say = folder, losses, say
        self._keep_free_bytes = keep_free_bytes
        self._flushed_s, self._noted = now_s, 0
        self._writer: BagWriter | None = None
        self._ours = not folder.exists()
        try:
            self._writer = BagWriter(folder)
            self._note(notes)
            self._writer.flush()
        except OSError as error:
            self.break_off(str(error))

    def write(self, message: Message) -> None:
        """Take one message."""
        if self._writer is None:
            self._losses.add(message.topic.name)
            return
        try:
            self._writer.write(
                message.topic, message.data, message.log_ns, message.publish_ns, message.sequence
            )
        except OSError as error:
            self._losses.add(message.topic.name)
            self.break_off(str(error))

    def due_in_s(self, now_s: float) -> float:
        """Return the time until the chunk is to end."""
        return max(0.0, self._flushed_s + FLUSH_S - now_s)

    def flush(self, now_s: float) -> None:
        """End the chunk, and the bag where the disk is nearly full."""
        self._flushed_s = now_s
        if self._writer is None:
            return
        try:
            self._note_losses()
            self._writer.flush()
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            self.break_off(str(error))
            return
        if free < self._keep_free_bytes:
            kept = f"{self._keep_free_bytes >> 20} MiB are kept for the episode"
            self._say(f"bag {self._folder} ends here: {free >> 20} MiB are free, {kept}")
            self.end({"drift_end": {"reason": "the disk is nearly full"}})

    def end(self, notes: Notes) -> None:
        """Finish the bag with metadata records, which metadata.yaml says as well."""
        if self._writer is None:
            return
        try:
            self._note_losses()
            self._note(notes)
            custom = {key: value for note in notes.values() for key, value in note.items()}
            self._writer.close({**custom, "lost_messages": str(self._losses.total)})
            self._writer = None
        except OSError as error:
            self.break_off(str(error))

    def drop(self) -> None:
        """Throw the bag away."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if self._ours:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _note(self, notes: Notes) -> None:
        if self._writer is not None:
            for name, data in notes.items():
                self._writer.note(name, data)

    def _note_losses(self) -> None:
        if self._losses.total > self._noted:
            self._noted = self._losses.total
            self._note({LOST_NOTE: self._losses.plain()})

    def break_off(self, why: str) -> None:
        """Leave the file as it is, and say it: drift data repair makes it whole."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()
        self._say(f"bag {self._folder} is broken off: {why}")
