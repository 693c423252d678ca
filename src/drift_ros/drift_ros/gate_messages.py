"""What goes into and comes out of the gate, between messages and the values of `drift_control`."""

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from drift_control.inputs import Chunk, JoyReading
from drift_control.loop import Tick
from rclpy.duration import Duration
from sensor_msgs.msg import JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from drift_interfaces.msg import ActionChunk, GateState, Step
from drift_ros.clock import to_seconds, to_stamp

ACTION_SPACES = {ActionChunk.TCP_POSE: "tcp_pose", ActionChunk.JOINT_POSITION: "joint_position"}
_SPACE_NUMBERS = {name: number for number, name in ACTION_SPACES.items()}


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


def to_chunk(msg: ActionChunk, arrival_s: float) -> Chunk:
    """Return a chunk; one whose data do not fit its shape keeps them as one row, for the gate to refuse."""
    data = np.array(msg.data, float)
    fits = data.size == msg.n_steps * msg.dim
    return Chunk(
        id=msg.id,
        epoch=msg.epoch,
        stamp_s=to_seconds(msg.header.stamp),
        dt_s=msg.dt,
        data=data.reshape(msg.n_steps, msg.dim) if fits else data.reshape(1, -1),
        action_space=ACTION_SPACES.get(msg.action_space, f"unknown ({msg.action_space})"),
        policy_version=msg.policy_version,
        oldest_input_s=to_seconds(msg.oldest_input),
        arrival_s=arrival_s,
    )


def to_chunk_message(chunk: Chunk, frame_id: str, inference_ms: float) -> ActionChunk:
    """Return the message of a chunk; its arrival time is not sent."""
    steps, dim = chunk.data.shape
    msg = ActionChunk(
        id=chunk.id,
        epoch=chunk.epoch,
        dt=chunk.dt_s,
        n_steps=steps,
        dim=dim,
        data=np.asarray(chunk.data, float).ravel().tolist(),
        action_space=_SPACE_NUMBERS[chunk.action_space],
        policy_version=chunk.policy_version,
        oldest_input=to_stamp(chunk.oldest_input_s),
        inference_ms=inference_ms,
    )
    msg.header.stamp, msg.header.frame_id = to_stamp(chunk.stamp_s), frame_id
    return msg


def to_gate_state(tick: Tick, dry_run: bool, stamp: Time) -> GateState:
    """Return who drives, and why."""
    msg = GateState(
        state=int(tick.state),
        reason=int(tick.reason),
        epoch=tick.epoch,
        intervention_id=tick.intervention_id,
        armed=tick.armed,
        dry_run=dry_run,
        text=tick.text,
    )
    msg.header.stamp = stamp
    return msg


def to_step(tick: Tick, due: Time, frame_id: str) -> Step:
    """Return the provenance of one control step whose command is due at `due`."""
    msg = Step(
        seq=tick.seq,
        source=int(tick.source),
        epoch=tick.epoch,
        intervention_id=tick.intervention_id,
        chunk_id=tick.chunk_id,
        policy_version=tick.policy_version,
        chunk_age=tick.chunk_age_s,
        commanded=[] if tick.command is None else [*tick.command.tolist(), float(tick.gripper_m)],
        measured=[] if tick.measured is None else tick.measured.tolist(),
        action=[] if tick.action is None else tick.action.tolist(),
        guard_flags=int(tick.guard_flags),
    )
    msg.header.stamp, msg.header.frame_id = due, frame_id
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
