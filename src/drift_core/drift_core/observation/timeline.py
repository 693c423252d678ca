"""Samples in the order of their times, whatever the order they arrive in."""

from bisect import bisect_left
from typing import Generic, TypeVar

T = TypeVar("T")

SAME_TIME_S = 1e-6  # times closer than this are one time: float64 seconds since 1970 resolve 0.24 us


class Timeline(Generic[T]):
    """The samples of the last `keep_s` seconds, at most `max_samples` of them, sorted by time."""

    def __init__(self, keep_s: float, max_samples: int) -> None:
        self._keep_s, self._max_samples = keep_s, max_samples
        self.times_s: list[float] = []
        self.samples: list[T] = []

    def insert(self, time_s: float, sample: T) -> bool:
        """Keep `sample`; False if it is older than everything kept, or if its time is taken already."""
        times = self.times_s
        if times and time_s < times[-1] - self._keep_s:
            return False
        at = bisect_left(times, time_s)
        if (at < len(times) and times[at] - time_s < SAME_TIME_S) or (
            at > 0 and time_s - times[at - 1] < SAME_TIME_S
        ):
            return False
        times.insert(at, time_s)
        self.samples.insert(at, sample)
        self._forget()
        return True

    def nearest(self, time_s: float) -> int | None:
        """Return the index of the sample nearest to `time_s` (the older of two as near), None if empty."""
        times = self.times_s
        if not times:
            return None
        at = bisect_left(times, time_s)
        if at == 0:
            return 0
        if at == len(times) or time_s - times[at - 1] <= times[at] - time_s:
            return at - 1
        return at

    def around(self, time_s: float) -> tuple[int, int] | None:
        """Return the indices of the samples before and after `time_s`, twice the same if one is at it."""
        times = self.times_s
        at = bisect_left(times, time_s - SAME_TIME_S)
        if at == len(times):
            return None
        if times[at] <= time_s + SAME_TIME_S:
            return at, at
        return (at - 1, at) if at > 0 else None

    def clear(self) -> None:
        """Forget everything."""
        self.times_s.clear()
        self.samples.clear()

    def _forget(self) -> None:
        keep_from = bisect_left(self.times_s, self.times_s[-1] - self._keep_s)
        keep_from = max(keep_from, len(self.times_s) - self._max_samples)
        if keep_from > 0:
            del self.times_s[:keep_from]
            del self.samples[:keep_from]
