"""The topics of the joysticks, and who publishes them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from drift_control.inputs import JoyReading
from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.gate_messages import to_joy
from drift_ros.publisher_names import PublisherNames
from rclpy.node import Node
from sensor_msgs.msg import Joy

_LOOK_S = 0.5  # who publishes is asked so often


class JoySubscriber:
    """Hand on each message with its publisher; tell when nobody publishes a topic any more."""

    def __init__(
        self,
        node: Node,
        topics: Sequence[str],
        names: PublisherNames,
        take: Callable[[str, JoyReading], None],
        gone: Callable[[str], None],
    ) -> None:
        self._node, self._names, self._take, self._gone = node, names, take, gone
        self._heard: set[str] = set()  # topics
        self._subscriptions = {
            topic: node.create_subscription(Joy, topic, partial(self._on_joy, topic), qos.JOY)
            for topic in topics
        }
        node.create_timer(_LOOK_S, self._look, clock=steady_clock())

    def silent(self) -> str:
        """Return which topic has a publisher from which nothing has come yet, in words; empty: none."""
        said = [
            f"{topic}: a driver is there and says nothing: is the joystick plugged in and on?"
            for topic, subscription in self._subscriptions.items()
            if topic not in self._heard and self._node.count_publishers(subscription.topic_name)
        ]
        return "; ".join(said)

    def _on_joy(self, topic: str, msg: Joy, info: dict[str, Any]) -> None:
        self._heard.add(topic)
        self._take(topic, to_joy(msg, steady_s(), self._names.of(topic, info)))

    def _look(self) -> None:
        for topic, subscription in self._subscriptions.items():
            if not self._node.count_publishers(subscription.topic_name):
                self._gone(topic)
