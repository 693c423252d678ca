"""What a person says of an episode afterwards: how it ended, how well it went, and how much it counts."""

import math
from dataclasses import replace
from pathlib import Path

from drift_core.episodes.description import read_meta, write_meta
from drift_core.episodes.record import EpisodeMeta, OutcomeName
from drift_core.errors import DataError


def relabel(
    folder: Path, outcome: OutcomeName, score: float | None, weight: float | None = None
) -> EpisodeMeta:
    """Write outcome, score and weight into episode.json, in one rename, and return the new description.

    `weight` None: it stays. DataError: it cannot be read, `score` does not lie in [0, 1], or `weight` is not
    finite or below 0.
    """
    if score is not None and not 0.0 <= score <= 1.0:
        raise DataError(f"{folder}: score={score} must lie in [0, 1]")
    if weight is not None and not 0.0 <= weight < math.inf:
        raise DataError(f"{folder}: weight={weight} must be finite, and 0 or more")
    before = read_meta(folder)
    kept = before.weight if weight is None else weight
    meta = replace(before, outcome=outcome, score=score, weight=kept)
    write_meta(folder, meta)
    return meta
