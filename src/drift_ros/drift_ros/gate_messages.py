"""What goes into and comes out of the gate, between messages and the values of `drift_control`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from builtin_interfaces.msg import Time
from drift_control import inputs
from drift_control.horizon import Horizon
from drift_control.inputs import JoyReading
from drift_control.publishers import UNSIGNED, Publisher
from drift_interfaces.msg import ArmState, GateState, Step
from rclpy.duration import Duration
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from drift_ros.clock import to_seconds, to_stamp

if TYPE_CHECKING:
    from drift_control.loop import Tick

_STEP_FIELDS = [name for name in Step.get_fields_and_field_types() if name != "header"]


def to_joy(msg: Joy, arrival_s: float, publisher: Publisher = UNSIGNED) -> JoyReading:
    """Return a joystick message with its steady time of arrival and who sent it."""
    stamp_s = to_seconds(msg.header.stamp)
    return JoyReading(tuple(msg.axes), tuple(msg.buttons), stamp_s, arrival_s, publisher)


def to_arm_state(msg: ArmState, arrival_s: float) -> inputs.ArmState:
    """Return what the arm says about itself with its steady time of arrival."""
    return inputs.ArmState(msg.ready, msg.protective_stop, msg.speed_scale, arrival_s)


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


def to_gate_state(tick: "Tick", dry_run: bool) -> GateState:
    """Return who drives, and why."""
    return GateState(
        state=int(tick.state),
        reason=int(tick.reason),
        epoch=tick.epoch,
        intervention_id=tick.intervention_id,
        armed=tick.armed,
        dry_run=dry_run,
        text="; ".join(filter(None, (tick.text, tick.refused))),
    )


def to_step(tick: "Tick", frame_id: str) -> Step:
    """Return the provenance of one control step, stamped with the time at which its command is due."""
    msg = Step(**{name: _plain(getattr(tick, name)) for name in _STEP_FIELDS})
    msg.header.stamp, msg.header.frame_id = to_stamp(tick.stamp_s), frame_id
    return msg


def _plain(value: float | np.ndarray | None) -> float | list[float]:
    """Return a field of a tick as messages take it; what is not known is empty."""
    if value is None:
        return []
    return value.tolist() if isinstance(value, np.ndarray) else value


def to_numbers(values: Sequence[float]) -> Float64MultiArray:
    """Return joint positions [rad] or a gripper opening [m] for a forward controller."""
    return Float64MultiArray(data=[float(value) for value in values])


def to_trajectory(names: Sequence[str], horizon: Horizon) -> JointTrajectory:
    """Return a rolling horizon as a message."""
    # the stamp stays zero: the controller starts the trajectory when it arrives, whatever its clock says
    msg = JointTrajectory(joint_names=list(names))
    for due_s, q, v in zip(horizon.due_s, horizon.q, horizon.v, strict=True):
        due = Duration(seconds=due_s).to_msg()
        point = JointTrajectoryPoint(positions=q.tolist(), velocities=v.tolist(), time_from_start=due)
        msg.points.append(point)
    return msg
