"""Joystick, joint states and arm commands between messages and arrays."""

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from drift_control.inputs import JoyReading
from rclpy.duration import Duration
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from drift_ros.clock import to_seconds


def to_joy(msg: Joy, arrival_s: float) -> JoyReading:
    """Return a joystick message with its steady time of arrival."""
    return JoyReading(tuple(msg.axes), tuple(msg.buttons), to_seconds(msg.header.stamp), arrival_s)


def to_joy_message(axes: Sequence[float], buttons: Sequence[int], stamp: Time) -> Joy:
    """Return a Joy message."""
    msg = Joy(axes=[float(axis) for axis in axes], buttons=[int(button) for button in buttons])
    msg.header.stamp = stamp
    return msg


def to_joint_state(names: Sequence[str], positions: np.ndarray, stamp: Time) -> JointState:
    """Return a JointState without velocities and efforts."""
    msg = JointState(name=list(names), position=np.asarray(positions, float).tolist())
    msg.header.stamp = stamp
    return msg


def to_numbers(values: Sequence[float]) -> Float64MultiArray:
    """Return joint positions [rad] or a gripper opening [m] for a forward controller."""
    return Float64MultiArray(data=[float(value) for value in values])


def to_trajectory(names: Sequence[str], points: np.ndarray, period_s: float) -> JointTrajectory:
    """Return a rolling horizon: row i of `points` (N, J) [rad] is due (i + 1) control periods from now."""
    # the stamp stays zero: the controller starts the trajectory when it arrives, whatever its clock says
    msg = JointTrajectory(joint_names=list(names))
    for index, positions in enumerate(points):
        due = Duration(seconds=(index + 1) * period_s).to_msg()
        msg.points.append(JointTrajectoryPoint(positions=positions.tolist(), time_from_start=due))
    return msg
