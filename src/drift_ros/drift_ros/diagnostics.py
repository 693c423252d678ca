"""Rates, ages and latencies of a node, published as one DiagnosticArray a second."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from drift_ros import qos
from drift_ros.clock import steady_clock

OK, WARN, ERROR = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


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


class Rate:
    """How often something happened in the last `window_s` seconds, and how long ago it last did."""

    def __init__(self, window_s: float = 5.0) -> None:
        self._window_s = window_s
        self._times: deque[float] = deque()

    def add(self, now_s: float) -> None:
        self._times.append(now_s)
        self._forget(now_s)

    def hz(self, now_s: float) -> float:
        self._forget(now_s)
        return len(self._times) / self._window_s

    def age_s(self, now_s: float) -> float:
        """Return the time since the last event [s]; infinite if there was none within the window."""
        self._forget(now_s)
        return now_s - self._times[-1] if self._times else float("inf")

    def _forget(self, now_s: float) -> None:
        while self._times and self._times[0] < now_s - self._window_s:
            self._times.popleft()


@dataclass(frozen=True)
class Report:
    """What a node says about itself: OK, WARN or ERROR, one sentence, and named values."""

    level: bytes
    message: str
    values: dict[str, object] = field(default_factory=dict)


class Diagnostics:
    """Publish what `report` returns on `diagnostics`, once a second of steady time."""

    def __init__(self, node: Node, report: Callable[[], Report]) -> None:
        self._node = node
        self._report = report
        self._publisher = node.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        node.create_timer(1.0, self._on_timer, clock=steady_clock())

    def _on_timer(self) -> None:
        report = self._report()
        status = DiagnosticStatus(level=report.level, name=self._node.get_name(), message=report.message)
        status.hardware_id = self._node.get_namespace()
        status.values = [KeyValue(key=key, value=_text(value)) for key, value in report.values.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
