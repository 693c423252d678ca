"""What people hold, from messages to the values of `drift_control`."""

from collections.abc import Callable
from typing import Any

from drift_control.inputs import JoyReading, LeaderReading, PoseReading
from drift_control.publishers import UNSIGNED, Publisher
from drift_control.teleop.devices import Device
from drift_control.teleop.hand_guiding import HandGuiding
from drift_control.teleop.joystick import Joystick
from drift_control.teleop.pose_source import PoseSource
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Bool

from drift_ros.clock import to_seconds
from drift_ros.gate_messages import to_joy

Convert = Callable[..., Any]  # (message, steady time of arrival [s], publisher) -> reading


def to_pedal(msg: Bool, arrival_s: float, publisher: Publisher = UNSIGNED) -> JoyReading:
    """Return a level as a joystick with one button, stamped with its steady time of arrival."""
    return JoyReading((), (int(msg.data),), arrival_s, arrival_s, publisher)


def to_pose_reading(msg: PoseStamped, arrival_s: float, publisher: Publisher = UNSIGNED) -> PoseReading:
    """Return a pose with its steady time of arrival and who sent it."""
    at, turn = msg.pose.position, msg.pose.orientation
    position, quaternion = (at.x, at.y, at.z), (turn.x, turn.y, turn.z, turn.w)
    stamp_s = to_seconds(msg.header.stamp)
    return PoseReading(position, quaternion, msg.header.frame_id, stamp_s, arrival_s, publisher)


def to_leader_reading(msg: JointState, arrival_s: float, publisher: Publisher = UNSIGNED) -> LeaderReading:
    """Return the joints of a leader arm with their steady time of arrival and who sent them."""
    stamp_s = to_seconds(msg.header.stamp)
    return LeaderReading(tuple(msg.name), tuple(msg.position), stamp_s, arrival_s, publisher)


def buttons_of(device: Device) -> tuple[Any, Convert]:
    """Return the message in which the buttons of a device come, and what converts it."""
    pedal = not isinstance(device, Joystick) and device.config.message == "bool"
    return (Bool, to_pedal) if pedal else (Joy, to_joy)


def lead_of(device: Device) -> tuple[str, Any, Convert] | None:
    """Return topic and message of what leads, and what converts it; None where nothing speaks but buttons."""
    if isinstance(device, Joystick | HandGuiding):
        return None
    if isinstance(device, PoseSource):
        return device.config.topic, PoseStamped, to_pose_reading
    return device.config.topic, JointState, to_leader_reading
