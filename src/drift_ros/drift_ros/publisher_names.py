"""Who has sent a message: the publisher's identity in the middleware, and the name of its node."""

import math
from typing import Any

from drift_control.publishers import UNSIGNED, Publisher
from rclpy.node import Node

from drift_ros.clock import steady_s

_ASK_AGAIN_S = 0.1  # of one whose node the graph does not know yet: nodes are discovered after their topics
_ASK_RARELY_S = 1.0  # likewise, of one that stays unknown
_NAMELESS_S = 2.0  # for who is not known by then its identity stands for a name, until its node is known


def identities(node: Node, topic: str, info: dict[str, Any]) -> set[bytes]:
    """Return who has sent a message of `topic`; where it does not say (rclpy of Jazzy), all who may have."""
    key = PublisherNames.key(info)
    return (
        {key} if key else {bytes(writer.endpoint_gid) for writer in node.get_publishers_info_by_topic(topic)}
    )


class PublisherNames:
    """Names of the publishers of a node's topics; two of one name are told apart by a number.

    Where messages do not say who has sent them (rclpy of Jazzy) there are no names, but `objection` counts.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._names: dict[bytes, str] = {}  # by identity
        self._first_s: dict[bytes, float] = {}  # by identity, of those without a name
        self._asked_s: dict[bytes, float] = {}  # likewise
        self._unsigned: set[str] = set()  # topics whose messages do not say who has sent them

    @staticmethod
    def key(info: dict[str, Any]) -> bytes:
        """Return the identity of the publisher of a message, from its MessageInfo; empty: it does not say."""
        gid = info.get("publisher_gid")
        return gid["data"] if gid else b""

    def of(self, topic: str, info: dict[str, Any]) -> Publisher:
        """Return who has sent a message of `topic`; without a name as long as that may still be learned."""
        key = self.key(info)
        if not key:
            self._unsigned.add(topic)
            return UNSIGNED
        if key not in self._names:
            self._look_for(key, topic)
        return Publisher(key, self._names.get(key) or self._stand_in(key))

    def objection(self) -> str:
        """Return which topic has two publishers that nobody can tell apart, in words; empty if none has."""
        for topic in sorted(self._unsigned):
            count = self._node.count_publishers(self._node.resolve_topic_name(topic))
            if count > 1:
                return f"{count} publishers of {topic}, and its messages do not say whose they are"
        return ""

    def _look_for(self, key: bytes, topic: str) -> None:
        now_s = steady_s()
        self._first_s.setdefault(key, now_s)
        often_s = _ASK_RARELY_S if self._stand_in(key) else _ASK_AGAIN_S
        if now_s - self._asked_s.get(key, -math.inf) > often_s:
            self._asked_s[key] = now_s
            self._ask(topic)

    def _stand_in(self, key: bytes) -> str:
        return str(Publisher(key)) if steady_s() - self._first_s[key] > _NAMELESS_S else ""

    def _ask(self, topic: str) -> None:
        known = {bytes(info.endpoint_gid): info for info in self._node.get_publishers_info_by_topic(topic)}
        for key, info in known.items():
            if key not in self._names and not info.node_name.startswith("_"):  # else not discovered yet
                self._names[key] = self._distinct(f"{info.node_namespace.rstrip('/')}/{info.node_name}")

    def _distinct(self, name: str) -> str:
        taken = set(self._names.values())
        return next(n for n in (name, *(f"{name} ({i})" for i in range(2, len(taken) + 3))) if n not in taken)
