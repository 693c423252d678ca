"""Control steps as the recorder keeps them."""

import numpy as np
from drift_core.episodes import StepRecord
from drift_interfaces.msg import Step

from drift_ros.clock import to_seconds


def to_step_record(msg: Step) -> StepRecord:
    """Return one `gate/step` message as a row of an episode."""
    return StepRecord(
        stamp_s=to_seconds(msg.header.stamp),
        seq=msg.seq,
        source=msg.source,
        epoch=msg.epoch,
        intervention_id=msg.intervention_id,
        chunk_id=msg.chunk_id,
        policy_version=msg.policy_version,
        chunk_age_s=msg.chunk_age,
        commanded=np.array(msg.commanded),
        measured=np.array(msg.measured),
        action=np.array(msg.action),
        guard_flags=msg.guard_flags,
    )
