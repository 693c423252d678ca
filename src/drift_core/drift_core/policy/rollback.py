"""What was rolled back: the file ROLLED_BACK beside LATEST; a node that is started again does not undo it."""

import json
from pathlib import Path
from typing import Annotated

from drift_config.loader import to_plain
from drift_config.strict import STRICT
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_core.pieces import Sha256
from drift_core.policy.checkpoint_folder import read_json, write_atomically

ROLLED_BACK = "ROLLED_BACK"


@dataclass(frozen=True, config=STRICT)
class RolledBack:
    """The content of ROLLED_BACK."""

    left: tuple[Sha256, ...]  # of checkpoints that come back only when somebody asks for them
    file: Annotated[str, Field(min_length=1)]  # what runs instead, absolute or in the same folder
    sha256: Sha256  # of that file


def read_rolled_back(folder: Path) -> RolledBack | None:
    """Return what was rolled back, None for nothing; a faulty file gives a CheckpointError."""
    return read_json(folder / ROLLED_BACK, RolledBack)


def write_rolled_back(folder: Path, left: set[str], running: Path, sha256: str) -> None:
    """Remember atomically, by SHA-256, which checkpoints were `left`, and what runs instead."""
    path = folder / ROLLED_BACK
    if not left:
        path.unlink(missing_ok=True)
        return
    running = running.absolute()
    name = running.name if running.parent == folder.absolute() else str(running)
    write_atomically(path, json.dumps(to_plain(RolledBack(tuple(sorted(left)), name, sha256))).encode())
