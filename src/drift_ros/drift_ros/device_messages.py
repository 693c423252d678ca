"""What people hold, from messages to the values of `drift_control`."""

from drift_control.inputs import JoyReading, LeaderReading, PoseReading
from drift_control.publishers import UNSIGNED, Publisher
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from drift_ros.clock import to_seconds


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
