"""Messages as they were serialised, with what the middleware says of each."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription


def subscribe(
    node: Node, kind: Any, topic: str, take: Callable[[bytes, dict[str, Any]], None], profile: QoSProfile
) -> Subscription:
    """Hand the bytes of each message of `topic`, and its MessageInfo, to `take`."""

    # rclpy counts arguments to see whether the middleware's word is wanted: of a partial it may count wrongly
    def callback(raw: bytes, info: dict[str, Any]) -> None:
        take(raw, info)

    return node.create_subscription(kind, topic, callback, profile, raw=True)
