"""Who drove, and what else a control step recorded, as columns: they follow from the fields of StepRecord."""

from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import numpy as np
from drift_core.episodes import StepRecord, Steps
from drift_core.episodes.record import Vector
from drift_core.errors import DataError

from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.layout import STEP

_DTYPES: dict[Any, str] = {float: "float64", int: "int64", bool: "bool", str: "string"}


def provenance_features(steps: Steps) -> list[Feature]:
    """Return the columns that control steps like these give; a vector that is always empty has none."""
    return list(_features(steps))


def provenance_columns(steps: Steps, at: np.ndarray, features: list[Feature]) -> dict[str, np.ndarray]:
    """Return those columns for the steps `at` (N,); DataError where a vector has another width."""
    columns = {}
    for feature in features:
        values = getattr(steps, feature.name.removeprefix(STEP))[at]
        width = values.shape[1] if values.ndim == 2 else 1
        if width == 0:  # never known in this episode
            values = np.full((len(at), *feature.shape), np.nan)
        elif (width,) != feature.shape:
            raise DataError(f"{feature.name}: must have {feature.shape[0]} numbers as before, has {width}")
        columns[feature.name] = values.reshape(len(at)) if feature.shape == (1,) else values
    return columns


def provenance_of(columns: Mapping[str, np.ndarray], row: int) -> dict[str, Any]:
    """Return the fields of StepRecord that a row of `columns` tells; those it lacks are not there."""
    found: dict[str, Any] = {}
    for name, hint in get_type_hints(StepRecord).items():
        values = columns.get(f"{STEP}{name}")
        if values is None:
            continue
        if hint == Vector:
            vector = np.atleast_1d(np.asarray(values[row], dtype=np.float64))
            found[name] = None if np.isnan(vector).all() else vector
        else:
            found[name] = hint(values[row])
    return found


def _features(steps: Steps) -> Iterator[Feature]:
    for name, hint in get_type_hints(StepRecord).items():
        if hint == Vector:
            if width := getattr(steps, name).shape[1]:
                yield Feature(f"{STEP}{name}", "float64", (width,))
        else:
            yield Feature(f"{STEP}{name}", _DTYPES[hint])
