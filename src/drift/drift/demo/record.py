"""What a demo run measured: kept in memory while it runs, written to record.json after each stage."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from drift.corrections import CorrectionRow


@dataclass
class EpisodeRow:
    """One corrected episode, as the trainer reported it."""

    episode_id: str
    seed: int
    success: bool
    interventions: int
    expert_steps: int
    control_steps: int
    late_steps: int
    expert_labels: int
    policy_version: int
    duration_s: float
    ended_s: float  # since the first of them began


@dataclass
class TrainingPoint:
    """One progress report of the trainer."""

    phase: str  # "offline" or "corrections"
    step: int  # gradient steps since the demo began
    loss: float
    rank: float  # trained rank as a fraction of the maximum
    effective_rank: float
    steps_per_s: float


@dataclass
class Swap:
    """A checkpoint that the policy node swapped in."""

    version: int
    stamp_s: float  # ROS time at which the policy node said so


@dataclass
class DemoRecord:
    """Everything the report shows. Times in seconds, rates in 0..1."""

    name: str
    robot: str
    task: str
    seed: int
    denoiser: str = ""
    demonstrations: int = 0
    demonstration_labels: int = 0
    before: list[bool] = field(default_factory=list)  # paired by evaluation seed with `after` and `control`
    after: list[bool] = field(default_factory=list)
    control: list[bool] = field(default_factory=list)  # as many labels as further demonstrations
    control_labels: int = 0
    over_dds: list[bool] = field(default_factory=list)  # successes without a take-over, over DDS
    episodes: list[EpisodeRow] = field(default_factory=list)
    training: list[TrainingPoint] = field(default_factory=list)
    swaps: list[Swap] = field(default_factory=list)
    corrections: list[CorrectionRow] = field(default_factory=list)  # of the corrected episodes
    corrections_in_short: str = ""
    film: str = ""  # file of the pair before and after, beside the record
    correction_film: str = ""  # file of a correction and of the same start after all of them
    stage_s: dict[str, float] = field(default_factory=dict)  # wall time of each stage
    ended_early: str = ""  # in which stage and why, empty for a run that came to its end
    timing: dict[str, float] = field(default_factory=dict)  # control and policy periods, see timing.py

    def save(self, folder: Path) -> None:
        """Write record.json, atomically."""
        write_json(folder / "record.json", asdict(self))


def write_json(path: Path, content: dict) -> None:
    """Write `content` so that a reader sees the old file or the new one, never half of it."""
    partial = path.with_name(path.name + ".tmp")
    with partial.open("w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
