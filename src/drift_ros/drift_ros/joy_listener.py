"""The newest message of a joystick's topic."""

from sensor_msgs.msg import Joy

from drift_ros import qos
from drift_ros.session import SessionClient


class JoyListener:
    """Listen on the node of a client."""

    def __init__(self, client: SessionClient, topic: str) -> None:
        self.count = 0
        self.axes: tuple[float, ...] = ()
        self.buttons: tuple[int, ...] = ()
        self._subscription = client.node.create_subscription(Joy, topic, self._on_joy, qos.JOY)

    def _on_joy(self, msg: Joy) -> None:
        self.count += 1
        self.axes, self.buttons = tuple(msg.axes), tuple(msg.buttons)
