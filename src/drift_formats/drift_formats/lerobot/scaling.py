"""How a policy of LeRobot scales what enters and leaves it, by the statistics in its preprocessor."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drift_core.errors import CheckpointError
from torch import Tensor

_FILE = re.compile(r"^[A-Za-z0-9_]+\.safetensors$")
_EPS = 1e-8  # of LeRobot
_ENDS = {"MIN_MAX": ("min", "max"), "QUANTILES": ("q01", "q99"), "QUANTILE10": ("q10", "q90")}


@dataclass(frozen=True)
class Scaling:
    """A value enters the network as `(value - centre) / spread`; all three of the shape of the column."""

    centre: Tensor
    spread: Tensor
    value: Tensor  # of an entry that never changed; NaN for all others


@dataclass(frozen=True)
class ColumnStatistics:
    """What a policy's preprocessor says of its columns."""

    path: Path  # of the statistics
    modes: dict[str, str]  # by kind of column: STATE, ACTION, VISUAL
    values: dict[str, Tensor]  # by COLUMN.STATISTIC

    def scaling(self, column: str, kind: str, like: Tensor) -> Scaling:
        """Return that of `column`, in the shape of `like`; CheckpointError names what is missing.

        An entry that never changed enters as there (-1, of MEAN_STD 0); here without the factor of 10^8 for
        any other value.
        """
        mode, nan = self.modes.get(kind, "IDENTITY"), torch.full_like(like, torch.nan)
        known = any(name.rpartition(".")[0] == column for name in self.values)
        if mode == "IDENTITY" or not known:  # as there
            return Scaling(torch.zeros_like(like), torch.ones_like(like), nan)
        if mode == "MEAN_STD":
            mean, std = (self._of(column, name, like) for name in ("mean", "std"))
            never = std == 0.0
            return _float(mean, torch.where(never, 1.0, std + _EPS), torch.where(never, mean, nan))
        if mode not in _ENDS:
            raise CheckpointError(
                f"normalisation {mode!r} of {column} must be one of: MEAN_STD, {', '.join(_ENDS)}"
            )
        low, high = (self._of(column, name, like) for name in _ENDS[mode])
        never = low == high
        centre = torch.where(never, low + 1.0, (low + high) / 2.0)
        return _float(centre, torch.where(never, 1.0, (high - low) / 2.0), torch.where(never, low, nan))

    def _of(self, column: str, name: str, like: Tensor) -> Tensor:
        found = self.values.get(f"{column}.{name}")
        if found is None or found.numel() != like.numel() or not bool(found.isfinite().all()):
            got = "nothing" if found is None else str(found.flatten().tolist())[:200]
            raise CheckpointError(
                f"{self.path}: {column}.{name} must be {like.numel()} finite numbers, got {got}"
            )
        return found.double().reshape(like.shape)


def _float(centre: Tensor, spread: Tensor, value: Tensor) -> Scaling:
    return Scaling(centre.float(), spread.float(), value.float())


def normalizer_step(said: dict[str, Any], path: Path) -> tuple[dict[str, str], Path]:
    """Return how kinds of columns are normalised, and the file of statistics beside the preprocessor `path`.

    CheckpointError names what of `said`, its content, is missing.
    """
    steps = said.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise CheckpointError(f"{path}: steps must be a list of mappings")
    for step in steps:
        if step.get("registry_name") == "normalizer_processor":
            name, config = step.get("state_file"), step.get("config")
            if not isinstance(name, str) or not _FILE.match(name):
                raise CheckpointError(f"{path}: state_file={name!r} must be a file beside it")
            modes = config.get("norm_map") if isinstance(config, dict) else None
            if not isinstance(modes, dict) or not all(isinstance(mode, str) for mode in modes.values()):
                raise CheckpointError(
                    f"{path}: normalizer_processor: config: norm_map={modes!r} must be a mapping"
                )
            return modes, path.parent / name
    raise CheckpointError(f"{path}: has no step normalizer_processor")
