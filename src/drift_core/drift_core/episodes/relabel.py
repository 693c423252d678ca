"""What a person says of an episode afterwards: how it ended, and how well it went."""

from dataclasses import replace
from pathlib import Path

from drift_core.episodes.description import read_meta, write_meta
from drift_core.episodes.record import EpisodeMeta, OutcomeName
from drift_core.errors import DataError


def relabel(folder: Path, outcome: OutcomeName, score: float | None) -> EpisodeMeta:
    """Write outcome and score into episode.json, in one rename, and return the new description.

    DataError: it cannot be read, or `score` does not lie in [0, 1].
    """
    if score is not None and not 0.0 <= score <= 1.0:
        raise DataError(f"{folder}: score={score} must lie in [0, 1]")
    meta = replace(read_meta(folder), outcome=outcome, score=score)
    write_meta(folder, meta)
    return meta
