"""A joystick that is a program."""

from collections.abc import Sequence

from sensor_msgs.msg import Joy

from drift_ros import qos
from drift_ros.gate_messages import to_joy_message
from drift_ros.session import SessionClient


class JoyPublisher:
    """Publish a joystick from the node of a client; each has a topic of its own."""

    def __init__(self, client: SessionClient, topic: str) -> None:
        self._node = client.node
        self._publisher = client.node.create_publisher(Joy, topic, qos.JOY)

    def publish(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        """Send one message, stamped now."""
        self._publisher.publish(to_joy_message(axes, buttons, self._node.get_clock().now().to_msg()))
