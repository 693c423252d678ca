"""Joint states, at up to 1000 Hz: looked at when a node wants to know, not one callback per message."""

import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from drift_control.inputs import JointMessage
from drift_control.publishers import UNSIGNED
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState

from drift_ros import qos
from drift_ros.clock import NANOSECONDS, steady_s, to_seconds
from drift_ros.polling import Polled
from drift_ros.publisher_names import PublisherNames

_RECENT_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """One message as it came."""

    topic: str
    raw: bytes  # serialised
    info: dict[str, Any]  # what the middleware says of it
    arrival_s: float
    key: tuple[bytes, bytes]  # alike for all that one publisher says of the same joints


Tap = Callable[[Collection[Arrived], Collection[Arrived]], None]


class JointStateTopics:
    """The topics on which arm and gripper say where they are.

    A message wakes nobody up. `take` reads all that wait, and decodes only the newest of each publisher about
    the same joints: an arm at 1000 Hz costs little more than one at the rate of the looks.
    """

    def __init__(self, node: Node, topics: tuple[str, ...], tap: Tap | None = None) -> None:
        """`tap` is shown, at each look that finds something, all messages and those that are decoded."""
        self._subscriptions = [Polled(node, JointState, topic, qos.POLLED) for topic in topics]
        self._node, self._names, self._tap = node, PublisherNames(node), tap
        self._looked_s = steady_s()
        self._unsigned: dict[str, dict[frozenset[str], float]] = {}  # by topic: which joints, when last

    def take(self) -> list[JointMessage]:
        """Return what has come since the last look; arrivals are those of the middleware."""
        now_s, system_ns = steady_s(), time.time_ns()
        looked_s, self._looked_s = self._looked_s, now_s
        came, newest = [], {}  # the later ones last
        for subscription in self._subscriptions:
            for raw, info in subscription.take():
                key = (self._names.key(info), _before_positions(raw))
                arrival_s = max(looked_s, now_s - _age_s(info, system_ns))
                arrived = Arrived(subscription.topic_name, raw, info, arrival_s, key)
                came.append(arrived)
                newest.pop(key, None)
                newest[key] = arrived
        if came and self._tap is not None:
            self._tap(came, newest.values())
        return [self._message(arrived) for arrived in newest.values()]

    def objection(self) -> str:
        """Return which topic has two publishers of the same joints, or a silent one, in words; empty: none.

        Only where messages do not say who has sent them (rclpy of Jazzy); else the joints themselves tell.
        """
        for topic, kinds in self._unsigned.items():
            sets = [joints for joints, heard_s in kinds.items() if steady_s() - heard_s < _RECENT_S]
            shared = len(frozenset().union(*sets)) < sum(map(len, sets))
            count = self._node.count_publishers(topic)
            if count > 1 and (shared or count > len(sets)):
                whose = "of the same joints or silent; messages do not say whose"
                return f"{count} publishers of {topic}, {whose}"
        return ""

    def _message(self, arrived: Arrived) -> JointMessage:
        msg, topic = deserialize_message(arrived.raw, JointState), arrived.topic
        publisher = self._names.of(topic, arrived.info)
        if publisher == UNSIGNED:
            self._unsigned.setdefault(topic, {})[frozenset(msg.name)] = steady_s()
        return JointMessage(
            msg.name, msg.position, to_seconds(msg.header.stamp), arrived.arrival_s, publisher
        )


def _age_s(info: dict, system_ns: int) -> float:
    """Return the time since a message came [s]; a middleware that does not say when gives 0."""
    return (
        max(0.0, (system_ns - info["received_timestamp"]) / NANOSECONDS)
        if info["received_timestamp"]
        else 0.0
    )


def _before_positions(raw: bytes) -> bytes:
    """Return frame and names of a serialised JointState: alike in two messages about the same joints.

    In CDR: four bytes that say the byte order, eight of the stamp, then texts and sequences, each after its
    length.
    """
    number = struct.Struct("<I" if raw[1] & 1 else ">I")
    try:
        at = _after_text(raw, 12, number)
        (count,) = number.unpack_from(raw, at)
        at += 4
        for _ in range(min(count, len(raw))):
            at = _after_text(raw, at, number)
    except struct.error:
        return raw  # like no other
    return raw[12:at]


def _after_text(raw: bytes, at: int, number: struct.Struct) -> int:
    return at + 4 + (number.unpack_from(raw, at)[0] + 3 & ~3)
