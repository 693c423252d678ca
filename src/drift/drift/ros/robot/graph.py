"""What every probe does: ask a service until it answers, name the nodes of a topic, time its messages."""

import struct
import time
from typing import Any

from drift_ros.clock import NANOSECONDS, steady_s
from rclpy.node import Node
from rclpy.task import Future

_ASK_AGAIN_S = 1.0


class Question:
    """One call of a service, made when the service is there, and again while nothing comes back."""

    def __init__(self, node: Node, kind: Any, name: str, request: Any) -> None:
        self._client: Any = node.create_client(kind, name)
        self.request = request
        self._asked_s = float("-inf")
        self.answer: Any = None  # the response

    def look(self) -> None:
        """Ask, if it is time to."""
        due = steady_s() - self._asked_s > _ASK_AGAIN_S
        if self.answer is None and due and self._client.service_is_ready():
            self._asked_s = steady_s()
            self._client.call_async(self.request).add_done_callback(self._on_answer)

    def _on_answer(self, asked: Future) -> None:
        self.answer = asked.result()


def publishers(node: Node, topic: str) -> tuple[str, ...]:
    """Return who publishes `topic`, by full name of node."""
    return tuple(
        f"{info.node_namespace.rstrip('/')}/{info.node_name}"
        for info in node.get_publishers_info_by_topic(topic)
    )


def topics_of(node: Node, *kinds: str) -> set[str]:
    """Return the topics of these message types that somebody publishes."""
    known = node.get_topic_names_and_types()
    return {name for name, types in known if set(types) & set(kinds) and node.count_publishers(name)}


class Arrivals:
    """When messages with a header came, as the middleware says, against their stamps."""

    def __init__(self) -> None:
        self.count = 0
        self._first_ns = self._last_ns = 0
        self._least_ns: int | None = None  # arrival less stamp; None: none had a stamp

    def take(self, raw: bytes, info: dict[str, Any]) -> None:
        """Take note of a serialised message that begins with a header."""
        arrival_ns = info["received_timestamp"] or time.time_ns()
        self._first_ns = self._first_ns or arrival_ns
        self._last_ns = arrival_ns
        self.count += 1
        seconds, nanoseconds = struct.unpack_from("<iI" if raw[1] & 1 else ">iI", raw, 4)
        if seconds or nanoseconds:
            late_ns = arrival_ns - (seconds * NANOSECONDS + nanoseconds)
            self._least_ns = late_ns if self._least_ns is None else min(self._least_ns, late_ns)

    @property
    def rate_hz(self) -> float:
        """Messages a second."""
        span_s = (self._last_ns - self._first_ns) / NANOSECONDS
        return (self.count - 1) / span_s if span_s > 0.0 else 0.0

    @property
    def least_s(self) -> float | None:
        """The smallest arrival less stamp [s]; None where no message had a stamp."""
        return None if self._least_ns is None else self._least_ns / NANOSECONDS
