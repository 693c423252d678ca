"""Version after version in one folder: whole, or what differs from the last whole one."""

from pathlib import Path

from drift_core.policy.checkpoint import Base, base_version, save_checkpoint, save_delta
from drift_core.policy.checkpoint_folder import (
    CheckpointInfo,
    checkpoint_path,
    checkpoints,
    delta_path,
    read_latest,
)
from drift_core.policy.delta import changed_tensors
from drift_core.policy.policy import DiffusionPolicy
from drift_core.policy.rollback import read_rolled_back
from drift_core.policy.weights import Weights

_WORTH_IT = 0.5  # of the bytes of a whole checkpoint; above it a delta saves too little


class Versions:
    """Writes what one process trains; its first version is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base: Base | None = None

    def save(self, policy: DiffusionPolicy, weights: Weights, info: CheckpointInfo) -> tuple[Path, str]:
        """Write the version `info.version`, which LATEST then names; return the path and SHA-256 of its file.

        `weights` as of `Trainer.averaged`.
        """
        if (written := self._save_delta(weights, info)) is not None:
            return written
        path = checkpoint_path(self._folder, info.version)
        sha256 = save_checkpoint(path, policy, info, weights=weights)
        self._base = Base(info.version, policy.config, weights)
        return path, sha256

    def delete(self, after: int, before: int) -> list[Path]:
        """Delete the files of versions between these two; return which.

        Those stay that LATEST or a rollback names, and whole ones on which a delta that stays rests. What a
        policy node runs, and what it would go back to, it has in memory.
        """
        there, rolled_back = checkpoints(self._folder), read_rolled_back(self._folder)
        named = {self._folder / named.file for named in (read_latest(self._folder), rolled_back) if named}
        old = {path for path, version in there.items() if after < version < before} - named
        bases = {base_version(path) for path in there.keys() - old}
        gone = [
            path for path in old if there[path] not in bases or path == delta_path(self._folder, there[path])
        ]
        gone.sort(key=lambda path: path.name)  # a delta goes before its base
        for path in gone:
            path.unlink()
        return gone

    def _save_delta(self, weights: Weights, info: CheckpointInfo) -> tuple[Path, str] | None:
        """Write a delta; None where it would need a whole checkpoint, or is hardly smaller."""
        base = self._base
        if base is None or not checkpoint_path(self._folder, base.version).is_file():
            return None
        changed = changed_tensors(base.weights, weights)
        if changed is None or Weights(changed).size_bytes > _WORTH_IT * weights.size_bytes:
            return None
        path = delta_path(self._folder, info.version)
        return path, save_delta(path, base, weights, info)
