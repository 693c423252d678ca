"""How regular the control ticks are, measured on the steady clock."""

from drift_ros.statistics import Percentiles, Summary


class Pulse:
    """Periods between ticks; a tick is late when its command comes more than one period after it was due."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._periods_s = Percentiles(3000)
        self._last_s: float | None = None
        self.ticks = 0
        self.late = 0

    def beat(self, now_s: float) -> None:
        """Note a tick at steady time `now_s`."""
        if self._last_s is not None:
            period_s = now_s - self._last_s
            self._periods_s.add(period_s)
            self.late += period_s > 2.0 * self._period_s
        self._last_s = now_s
        self.ticks += 1

    def summary(self) -> Summary:
        """Return percentiles of the newest periods [s]."""
        return self._periods_s.summary()

    def figures(self) -> dict[str, object]:
        """Return the numbers for diagnostics."""
        period = self.summary()
        return {
            "ticks": self.ticks,
            "late_ticks": self.late,
            "late_ratio": self.late / max(self.ticks, 1),
            "period_ms_p50": 1000.0 * period.p50,
            "period_ms_p99": 1000.0 * period.p99,
            "period_ms_max": 1000.0 * period.max,
        }
