"""The versions of a policy in a folder, a line each, and which corrections one of them has learned from."""

from dataclasses import dataclass
from pathlib import Path

from drift_core.errors import CheckpointError
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoints, read_info
from drift_core.training.provenance import load_provenance


@dataclass(frozen=True)
class CheckpointLine:
    """One version; without info where its file cannot be read, and why."""

    version: int
    file: str  # its name
    info: CheckpointInfo | None
    fault: str


@dataclass(frozen=True)
class LearnedCorrections:
    """What a version holds of corrections."""

    named: int  # that were there when it was written
    trained_on: int  # of which it has at least half of the steps that they are owed
    labels: int  # of these
    newest_ended_s: float | None  # ROS time at which the newest of these ended; None: there is none
    loss_on: dict[str, float]  # "new" and "old" data


def checkpoint_lines(folder: Path) -> list[CheckpointLine]:
    """Return the versions in `folder`, newest first; of a version that is there whole and as a delta, one."""
    lines: dict[int, CheckpointLine] = {}
    for path, version in sorted(checkpoints(folder).items()):
        try:
            lines[version] = CheckpointLine(version, path.name, read_info(path), "")
        except CheckpointError as error:
            lines.setdefault(version, CheckpointLine(version, path.name, None, str(error)))
    return [lines[version] for version in sorted(lines, reverse=True)]


def learned(checkpoint: Path) -> LearnedCorrections | None:
    """Return what the version at the path `checkpoint` holds of corrections; None where nobody has said it.

    CheckpointError for a faulty file.
    """
    found = load_provenance(checkpoint)
    if found is None:
        return None
    inside = [correction for correction in found.corrections if correction.trained_on]
    return LearnedCorrections(
        named=len(found.corrections),
        trained_on=len(inside),
        labels=sum(correction.labels for correction in inside),
        newest_ended_s=max((correction.ended_s for correction in inside), default=None),
        loss_on=dict(found.loss_on),
    )
