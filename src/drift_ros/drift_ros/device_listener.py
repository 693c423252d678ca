"""What a device says, and whether the gate would believe it."""

from typing import Any

from drift_control.inputs import JoyReading, LeadReading, Now
from drift_control.teleop.devices import Device, hand_of

from drift_ros import qos
from drift_ros.clock import ros_s, steady_s
from drift_ros.device_messages import buttons_of, lead_of
from drift_ros.session import SessionClient


class DeviceListener:
    """Listen on the node of a client, and judge as the gate does."""

    def __init__(self, client: SessionClient, topic: str, device: Device) -> None:
        """`topic`: of its buttons."""
        self._node, self._hand = client.node, hand_of(topic, device)
        self.joy: JoyReading | None = None  # the newest message of its buttons, and of its axes if it has any
        self.lead: LeadReading | None = None  # of what leads
        message, self._to_joy = buttons_of(device)
        self._node.create_subscription(message, topic, self._on_joy, qos.JOY)
        if (lead := lead_of(device)) is not None:
            where, message, self._to_lead = lead
            self._node.create_subscription(message, where, self._on_lead, qos.NEWEST)

    def look(self) -> tuple[bool, str]:
        """Return whether enable is held, and why the device would not be believed; empty: it would.

        To be called 20 times a second or more.
        """
        now = Now(steady_s(), ros_s(self._node.get_clock()))
        self._hand.take(self.joy, self.lead, now)
        trouble = self._hand.trouble(now)
        return self._hand.holds(now), "" if trouble is None else trouble.text

    def _on_joy(self, msg: Any) -> None:
        self.joy = self._to_joy(msg, steady_s())

    def _on_lead(self, msg: Any) -> None:
        self.lead = self._to_lead(msg, steady_s())
