"""Joint states, at up to 1000 Hz: looked at when a node wants to know, not one callback per message."""

import struct
import time

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


class JointStateTopics:
    """The topics on which arm and gripper say where they are.

    A message wakes nobody up. `take` reads all that wait, and decodes only the newest of each publisher about
    the same joints: an arm at 1000 Hz costs little more than one at the rate of the looks.
    """

    def __init__(self, node: Node, topics: tuple[str, ...]) -> None:
        self._subscriptions = [Polled(node, JointState, topic, qos.POLLED) for topic in topics]
        self._node, self._names = node, PublisherNames(node)
        self._looked_s = steady_s()
        self._unsigned: dict[str, dict[frozenset[str], float]] = {}  # by topic: which joints, when last

    def take(self) -> list[JointMessage]:
        """Return what has come since the last look; arrivals are those of the middleware."""
        newest: dict[tuple[bytes, bytes], tuple[bytes, dict, str]] = {}  # the later ones last
        for subscription in self._subscriptions:
            for raw, info in subscription.take():
                key = (self._names.key(info), _before_positions(raw))
                newest.pop(key, None)
                newest[key] = (raw, info, subscription.topic_name)
        now_s, system_ns, looked_s = steady_s(), time.time_ns(), self._looked_s
        self._looked_s = now_s
        return [
            self._message(raw, topic, info, max(looked_s, now_s - _age_s(info, system_ns)))
            for raw, info, topic in newest.values()
        ]

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

    def _message(self, raw: bytes, topic: str, info: dict, arrival_s: float) -> JointMessage:
        msg, publisher = deserialize_message(raw, JointState), self._names.of(topic, info)
        if publisher == UNSIGNED:
            self._unsigned.setdefault(topic, {})[frozenset(msg.name)] = steady_s()
        return JointMessage(msg.name, msg.position, to_seconds(msg.header.stamp), arrival_s, publisher)


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
