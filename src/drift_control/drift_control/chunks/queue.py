"""Chunks on their way from the policy to its execution."""

from drift_control.chunks.clock import ChunkClock
from drift_control.gate.config import GateConfig
from drift_control.guard.guard import Guard
from drift_control.guard.verdict import GuardVerdict
from drift_control.inputs import Chunk, Now

_SAME_S = 1e-6


class ChunkQueue:
    """Keep the newest sound chunk of the present epoch until it is executed."""

    def __init__(self, config: GateConfig, guard: Guard) -> None:
        self._timeout_s = config.chunk_timeout_s
        self._cubic = config.interpolation == "cubic"
        self._guard = guard
        self._seen: tuple[int, int, float] | None = None
        self._newest: ChunkClock | None = None  # sound and of this epoch, whether it is executed or not
        self.next: ChunkClock | None = None
        self.refused = 0  # chunks of their present epoch that the guard objected to, since the start

    @property
    def newest_id(self) -> int:
        """The id of the chunk that came last, whatever became of it; -1 before the first."""
        return -1 if self._seen is None else self._seen[0]

    def take(self, chunk: Chunk, epoch: int, now: Now) -> GuardVerdict | None:
        """Keep a chunk if it is new, sound, of this epoch and not too old; return the guard's objection."""
        key = (chunk.id, chunk.epoch, chunk.arrival_s)
        if key == self._seen or chunk.epoch != epoch:
            return None
        self._seen = key
        verdict = self._guard.check_chunk(chunk, now)
        if verdict is not None:
            self.refused += 1
            return verdict
        newest = self._newest
        if newest is not None and chunk.stamp_s < newest.chunk.stamp_s:
            return None  # overtaken by a later observation
        clock = self._newest = ChunkClock(chunk, self._cubic)
        if not self.over(clock, now):
            self.next = clock
        return None

    def over(self, clock: ChunkClock, now: Now) -> bool:
        """Return whether a chunk has run out, or arrived too long ago."""
        return now.ros_s > clock.end_s or now.steady_s - clock.chunk.arrival_s > self._timeout_s

    def pop(self) -> ChunkClock | None:
        """Hand out the chunk to execute next, once."""
        clock, self.next = self.next, None
        return clock

    def wanted(self, ros_s: float) -> ChunkClock | None:
        """Return the chunk that says what the policy wants at a time, whoever drives; None: there is none.

        It is looked at only: what is executed comes from `pop`.
        """
        newest = self._newest
        return None if newest is None or ros_s > newest.end_s + _SAME_S else newest

    def clear(self) -> None:
        """Forget what waits; it is not executed any more."""
        self.next = None

    def void(self) -> None:
        """Forget every chunk: what they want means nothing any more."""
        self.next = self._newest = None
