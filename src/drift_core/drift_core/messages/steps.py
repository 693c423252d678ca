"""Control steps in messages as the recorder keeps them."""

from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from drift_core.episodes import StepRecord

_NANOSECONDS = 1_000_000_000
# by name: what stands for a field that a message of before lacks
_FIELDS: dict[str, tuple[Any, ...]] = {
    field.name: () if field.default is MISSING else (field.default,)
    for field in fields(StepRecord)
    if field.name != "stamp_s"
}


def seconds(stamp: Any) -> float:
    """Return a builtin_interfaces/Time in seconds."""
    return stamp.sec + stamp.nanosec / _NANOSECONDS


def to_step_record(msg: Any) -> StepRecord:
    """Return one `gate/step` message as a row of an episode; AttributeError names a field that it lacks.

    One that came later may be missing, as in bags of before: it is not known then.
    """
    values = {name: getattr(msg, name, *otherwise) for name, otherwise in _FIELDS.items()}
    vectors = {name: np.array(value) for name, value in values.items() if hasattr(value, "__len__")}
    return StepRecord(stamp_s=seconds(msg.header.stamp), **{**values, **vectors})
