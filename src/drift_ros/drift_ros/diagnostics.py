"""Rates, ages and latencies of a node, published as one DiagnosticArray a second."""

from collections.abc import Callable
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.complaint_log import ComplaintLog
from drift_ros.statistics import EventRate, Percentiles, Summary

__all__ = ["ERROR", "OK", "WARN", "Diagnostics", "Percentiles", "EventRate", "Report", "Summary"]

OK, WARN, ERROR = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


@dataclass(frozen=True)
class Report:
    """What a node says about itself: OK, WARN or ERROR, one sentence, and named values."""

    level: bytes
    message: str
    values: dict[str, object] = field(default_factory=dict)


class Diagnostics:
    """Publish what `report` returns on `/diagnostics`, once a second of steady time.

    Where aggregators listen, also for a node in a namespace; its status has the node's full name. What is
    wrong for a while is said in the log as well.
    """

    def __init__(self, node: Node, report: Callable[[], Report]) -> None:
        self._node = node
        self._report = report
        logger = node.get_logger()
        self._log = ComplaintLog(logger.warning, logger.info)
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        node.create_timer(1.0, self._on_timer, clock=steady_clock())

    def _on_timer(self) -> None:
        report = self._report()
        self._log.take("" if report.level == OK else report.message, steady_s())
        status = DiagnosticStatus(level=report.level, name=_name(self._node), message=report.message)
        status.hardware_id = self._node.get_namespace()
        status.values = [KeyValue(key=key, value=_text(value)) for key, value in report.values.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def _name(node: Node) -> str:
    return node.get_fully_qualified_name().lstrip("/")  # left/expert_gate; aggregators group at the slashes


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
