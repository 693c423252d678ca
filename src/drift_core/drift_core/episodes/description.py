"""episode.json: what is said of an episode, and how that follows from its control steps."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain

from drift_core.disk import flush_to_disk
from drift_core.episodes.files import META_FILE
from drift_core.episodes.record import SCHEMA, SCHEMAS, EpisodeMeta, StepSource
from drift_core.errors import DataError

META_KEY = "episode"  # of the description, in the schema of steps.arrow


def read_meta(folder: Path | str) -> EpisodeMeta:
    """Read what episode.json says."""
    path = Path(folder) / META_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return parse_meta(data, str(path))


def parse_meta(data: object, source: str) -> EpisodeMeta:
    """Return a description from its plain form; DataError names `source` and the key."""
    schema = data.get("schema") if isinstance(data, dict) else SCHEMA
    if schema not in SCHEMAS:
        later = " (of a later drift)" if isinstance(schema, int) and schema > SCHEMA else ""
        allowed = f"{', '.join(map(str, SCHEMAS[:-1]))} or {SCHEMAS[-1]}"
        raise DataError(f"{source}: schema={schema!r}{later} must be {allowed}")
    try:
        return parse(data, EpisodeMeta, source=source)
    except ConfigError as error:
        raise DataError(str(error)) from error


def write_meta(folder: Path, meta: EpisodeMeta) -> None:
    """Write episode.json, in one rename and through to the disk."""
    path, part = folder / META_FILE, folder / f".{META_FILE}.part"
    part.write_text(meta_text(meta), encoding="utf-8")
    flush_to_disk(part)
    os.rename(part, path)
    flush_to_disk(folder)


def meta_text(meta: EpisodeMeta) -> str:
    """Return a description as it is written."""
    return json.dumps(to_plain(meta), indent=2) + "\n"


def described(
    meta: EpisodeMeta,
    stamp_s: np.ndarray,
    source: np.ndarray,
    intervention_id: np.ndarray,
    policy_version: np.ndarray,
) -> EpisodeMeta:
    """Return `meta` with what its control steps (N,) say."""
    expert, policy = source == StepSource.EXPERT, source == StepSource.POLICY
    return replace(
        meta,
        duration_s=float(stamp_s[-1] - stamp_s[0]) if len(stamp_s) else 0.0,
        policy_versions=tuple(np.unique(policy_version[policy]).tolist()),
        steps=len(stamp_s),
        expert_steps=int(expert.sum()),
        interventions=len(np.unique(intervention_id[expert])),
    )
