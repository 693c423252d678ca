"""What a person says of an episode afterwards: how it ended, and how well it went."""

import json
import os
from pathlib import Path

from drift_core.disk import flush_to_disk
from drift_core.episodes.files import META_FILE
from drift_core.episodes.reader import read_meta
from drift_core.episodes.record import EpisodeMeta, OutcomeName
from drift_core.errors import DataError


def relabel(folder: Path, outcome: OutcomeName, score: float | None) -> EpisodeMeta:
    """Write outcome and score into episode.json, in one rename, and return the new description.

    Everything else of it stays as it is. DataError: it cannot be read, or `score` does not lie in [0, 1].
    """
    if score is not None and not 0.0 <= score <= 1.0:
        raise DataError(f"{folder}: score={score} must lie in [0, 1]")
    read_meta(folder)
    path, part = folder / META_FILE, folder / f".{META_FILE}.part"
    said = json.loads(path.read_text(encoding="utf-8")) | {"outcome": outcome, "score": score}
    part.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    flush_to_disk(part)
    os.replace(part, path)
    flush_to_disk(folder)
    return read_meta(folder)
