"""Which checkpoint a person means."""

from pathlib import Path
from typing import TYPE_CHECKING

from drift.errors import UserError

if TYPE_CHECKING:
    from drift_core.policy.checkpoint import LoadedCheckpoint


def named_checkpoint(path: Path) -> tuple[Path, "LoadedCheckpoint"]:
    """Load the checkpoint at `path`: a file, a folder with a file LATEST, or a run."""
    from drift_core.policy.checkpoint import load_checkpoint
    from drift_core.policy.checkpoint_folder import read_latest

    if (path / "checkpoints").is_dir():
        path = path / "checkpoints"
    if not path.is_dir():
        return path, load_checkpoint(path)
    latest = read_latest(path)
    if latest is None:
        raise UserError(f"checkpoint={path} has no file LATEST; name a checkpoint file or a run")
    return path / latest.file, load_checkpoint(path / latest.file, latest.sha256)
