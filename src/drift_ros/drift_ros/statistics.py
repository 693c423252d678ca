"""Percentiles of latencies and rates of events over the recent past."""

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """Percentiles of the newest values; zeros when there are none."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Percentiles:
    """The newest `size` values of a latency or period."""

    def __init__(self, size: int = 1000) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        self._values.append(value)

    def summary(self) -> Summary:
        if not self._values:
            return Summary(0, 0.0, 0.0, 0.0, 0.0)
        values = np.fromiter(self._values, float)
        return Summary(len(values), *np.percentile(values, (50, 95, 99)).tolist(), float(values.max()))


class EventRate:
    """How often something happened in the last `window_s` seconds."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque()

    def add(self, now_s: float) -> None:
        self._times.append(now_s)
        self._forget(now_s)

    def hz(self, now_s: float) -> float:
        self._forget(now_s)
        return len(self._times) / self._window_s

    def _forget(self, now_s: float) -> None:
        while self._times and self._times[0] < now_s - self._window_s:
            self._times.popleft()
