"""What the gate says about a tick, as messages."""

from builtin_interfaces.msg import Time
from drift_control.loop import Tick

from drift_interfaces.msg import GateState, Step


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
