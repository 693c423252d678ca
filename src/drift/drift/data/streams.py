"""How regularly something came, and how late: control steps, joint samples, frames of a camera."""

from dataclasses import dataclass

import numpy as np
from drift_core.episodes import Episode, Frames, Joints

_ONE_CLOCK_S = 60.0  # nothing is later than this: stamps and arrivals further apart are of two clocks
GAP = 2.5  # times the median interval: a longer one is a gap


@dataclass(frozen=True)
class StreamSummary:
    """Samples of one source by their stamps; None where there are too few to tell."""

    samples: int
    rate_hz: float | None  # of the median interval
    jitter_ms: float | None  # standard deviation of the intervals
    longest_ms: float | None  # interval
    gaps: int  # intervals longer than GAP times the median
    backwards: int  # samples not stamped later than the one before
    latency_ms: float | None = None  # arrival - stamp - `clocks_s`: median
    latency_p99_ms: float | None = None
    latency_max_ms: float | None = None

    def __str__(self) -> str:
        """Read like "102 samples, 10.0 Hz, jitter 0.3 ms, longest interval 104 ms, 1 gaps"."""
        parts = [f"{self.samples} samples"]
        if self.rate_hz is not None:
            parts.append(f"{self.rate_hz:.1f} Hz, jitter {self.jitter_ms:.1f} ms")
            parts.append(f"longest interval {self.longest_ms:.0f} ms")
        if self.gaps:
            parts.append(f"{self.gaps} gaps")
        if self.backwards:
            parts.append(f"{self.backwards} not later than the one before")
        if self.latency_ms is not None:
            late = f"p99 {self.latency_p99_ms:.1f}, at most {self.latency_max_ms:.1f}"
            parts.append(f"{self.latency_ms:.1f} ms late ({late})")
        return ", ".join(parts)


def clocks_apart_s(episode: Episode) -> float | None:
    """Return how far the clock of arrivals is behind that of stamps [s]; None where it is the same.

    Arrivals are steady time, stamps ROS time. Nobody has compared them; the sample of the whole episode that
    came quickest is taken for one that was not late at all, and latencies are those above it. In simulated
    time there is one clock.
    """
    sources: list[Joints | Frames] = [episode.joints, *episode.frames.values()]
    quickest_s = [float((source.arrival_s - source.stamp_s).min()) for source in sources if len(source)]
    if not quickest_s or abs(min(quickest_s)) < _ONE_CLOCK_S:
        return None
    return -min(quickest_s)


def summarize_stream(
    stamp_s: np.ndarray, arrival_s: np.ndarray | None = None, clocks_s: float = 0.0
) -> StreamSummary:
    """Return the numbers of samples stamped `stamp_s` (N,) that arrived at `arrival_s` (N,).

    `clocks_s`: how far the clock of arrivals is behind that of stamps.
    """
    interval_s = np.diff(stamp_s)
    later = interval_s[interval_s > 0]
    late_ms = np.zeros(0) if arrival_s is None else 1000.0 * (arrival_s - stamp_s + clocks_s)
    median_s = float(np.median(later)) if len(later) else None
    return StreamSummary(
        samples=len(stamp_s),
        rate_hz=None if median_s is None else 1.0 / median_s,
        jitter_ms=None if median_s is None else 1000.0 * float(later.std()),
        longest_ms=None if median_s is None else 1000.0 * float(later.max()),
        gaps=0 if median_s is None else int((later > GAP * median_s).sum()),
        backwards=int((interval_s <= 0).sum()),
        latency_ms=float(np.median(late_ms)) if len(late_ms) else None,
        latency_p99_ms=float(np.quantile(late_ms, 0.99)) if len(late_ms) else None,
        latency_max_ms=float(late_ms.max()) if len(late_ms) else None,
    )
