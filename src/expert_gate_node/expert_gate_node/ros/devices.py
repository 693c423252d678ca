"""The topics of what people hold, and who publishes them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from drift_control.inputs import JoyReading
from drift_control.teleop.devices import Device
from drift_ros import qos
from drift_ros.clock import steady_clock, steady_s
from drift_ros.device_messages import buttons_of, lead_of
from drift_ros.publisher_names import PublisherNames
from rclpy.node import Node
from rclpy.qos import QoSProfile

from expert_gate_node.inbox import Inbox

_LOOK_S = 0.5  # who publishes is asked so often


class DeviceTopics:
    """Hand on each message with its publisher; tell when nobody publishes a topic any more."""

    def __init__(
        self,
        node: Node,
        devices: Mapping[str, Device],
        names: PublisherNames,
        inbox: Inbox,
        on_joy: Callable[[str, JoyReading], None],
    ) -> None:
        """`devices`: by topic of their buttons; what leads goes into the inbox by the same name."""
        self._topics: list[_Topic] = []
        for name, device in devices.items():
            take, gone = partial(on_joy, name), partial(inbox.forget_joy, name)
            self._topics.append(_Topic(node, name, *buttons_of(device), qos.JOY, names, take, gone))
            lead = lead_of(device)
            if lead is not None:
                take, gone = partial(inbox.put_lead, name), partial(inbox.forget_lead, name)
                self._topics.append(_Topic(node, *lead, qos.NEWEST, names, take, gone))
        node.create_timer(_LOOK_S, self._look, clock=steady_clock())

    def silent(self) -> str:
        """Return which topic has a publisher from which nothing has come yet, in words; empty: none."""
        said = [
            f"{topic.name}: a driver is there and says nothing: is the joystick plugged in and on?"
            for topic in self._topics
            if not topic.heard and topic.published
        ]
        return "; ".join(said)

    def _look(self) -> None:
        for topic in self._topics:
            if not topic.published:
                topic.gone()


class _Topic:
    """One subscription."""

    def __init__(
        self,
        node: Node,
        name: str,
        message: Any,
        convert: Callable[..., Any],
        profile: QoSProfile,
        names: PublisherNames,
        take: Callable[[Any], None],
        gone: Callable[[], None],
    ) -> None:
        """Each message goes to `take`, converted; `gone` is to be called when nobody publishes any more."""
        self.name, self.heard, self.gone = name, False, gone
        self._node, self._names = node, names
        self._convert, self._take = convert, take
        self._subscription = node.create_subscription(message, name, self._on_message, profile)

    @property
    def published(self) -> bool:
        """Whether somebody publishes it."""
        return self._node.count_publishers(self._subscription.topic_name) > 0

    def _on_message(self, msg: Any, info: dict[str, Any]) -> None:
        self.heard = True
        self._take(self._convert(msg, steady_s(), self._names.of(self.name, info)))
