"""Control steps as the recorder keeps them."""

import array
from dataclasses import fields

import numpy as np
from drift_core.episodes import StepRecord
from drift_interfaces.msg import Step

from drift_ros.clock import to_seconds

_FIELDS = [field.name for field in fields(StepRecord) if field.name != "stamp_s"]


def to_step_record(msg: Step) -> StepRecord:
    """Return one `gate/step` message as a row of an episode."""
    values = {name: getattr(msg, name) for name in _FIELDS}
    arrays = {name: np.array(value) for name, value in values.items() if isinstance(value, array.array)}
    return StepRecord(stamp_s=to_seconds(msg.header.stamp), **{**values, **arrays})
