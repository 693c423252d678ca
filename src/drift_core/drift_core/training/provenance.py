"""Which corrections a version has learned from: JSON beside the checkpoint, policy_000012.json,
also where that is a delta."""

import json
from dataclasses import field
from pathlib import Path

from drift_config.loader import to_plain
from drift_config.strict import STRICT
from pydantic.dataclasses import dataclass

from drift_core.policy.checkpoint_folder import read_json, write_atomically
from drift_core.training.budget import TrainedCorrection


@dataclass(frozen=True, config=STRICT)
class Provenance:
    """The corrections in a set of weights, with their share."""

    corrections: tuple[TrainedCorrection, ...]
    loss_on: dict[str, float] = field(default_factory=dict)  # "new" and "old" data, see rounds/old_and_new.py


def provenance_path(checkpoint: Path) -> Path:
    """Return where that of the version at the path `checkpoint`, whole or a delta, stands."""
    return checkpoint.with_name(checkpoint.name.replace("delta_", "policy_", 1)).with_suffix(".json")


def save_provenance(checkpoint: Path, provenance: Provenance) -> None:
    """Write what the version at the path `checkpoint` has learned from; do it before that is there itself."""
    write_atomically(provenance_path(checkpoint), json.dumps(to_plain(provenance), indent=1).encode())


def load_provenance(checkpoint: Path) -> Provenance | None:
    """Return what the version at the path `checkpoint` has learned from, None where nobody has said it."""
    return read_json(provenance_path(checkpoint), Provenance)
