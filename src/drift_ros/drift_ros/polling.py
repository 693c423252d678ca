"""Topics that are looked at when a node wants to know, not one callback per message."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message


class Polled:
    """A subscription whose messages wake nobody up."""

    def __init__(self, node: Node, kind: Any, topic: str, profile: QoSProfile) -> None:
        self._kind = kind
        self._subscription = node.create_subscription(
            kind, topic, _unused, profile, callback_group=_NeverExecuted(), raw=True
        )
        self.topic_name = self._subscription.topic_name

    def take(self) -> Iterator[tuple[bytes, dict]]:
        """Yield what has come since the last look, serialised, each with what the middleware says of it."""
        with self._subscription.handle:
            while (taken := self._subscription.handle.take_message(self._kind, True)) is not None:
                yield taken

    def messages(self) -> list[Any]:
        """Return what has come since the last look, the oldest first."""
        return [deserialize_message(raw, self._kind) for raw, _ in self.take()]

    def newest(self) -> Any:
        """Return the newest message that has come since the last look; None: none has. Others are skipped."""
        last = deque(self.take(), maxlen=1)
        return deserialize_message(last[0][0], self._kind) if last else None


class _NeverExecuted(CallbackGroup):
    """Its subscriptions are left out when an executor waits."""

    def can_execute(self, entity: object) -> bool:
        return False

    def beginning_execution(self, entity: object) -> bool:
        return False

    def ending_execution(self, entity: object) -> None:
        raise NotImplementedError("nothing of this group is executed")


def _unused(msg: bytes) -> None:
    raise NotImplementedError("messages are taken, not handed in")
