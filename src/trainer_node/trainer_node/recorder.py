"""From incoming frames, joint samples and control steps to the open episode, and counts of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from drift_core.episodes import EpisodeMeta, EpisodeWriter, Source, StepRecord
from drift_core.errors import DataError, ShapeError

AHEAD_S = 1.0  # a later stamp would hide every sample of its source that follows


@dataclass
class Counts:
    """What one episode consists of so far."""

    control_steps: int = 0
    late_steps: int = 0  # control ticks more than one period late
    missed_steps: int = 0  # gaps in seq: control steps that never arrived
    expert_steps: int = 0
    joints: int = 0
    frames: dict[str, int] = field(default_factory=dict)  # by camera
    refused: int = 0  # samples that do not fit: wrong image size, not finite, out of order
    interventions: set[int] = field(default_factory=set)  # ids of the take-overs


class Recorder:
    """Write what arrives into the open episode; while none is open, only look at who drives."""

    def __init__(self, root: Path, control_period_s: float, log: Callable[[str], None]) -> None:
        self._root = root
        self._period_s = control_period_s
        self._log = log
        self._writer: EpisodeWriter | None = None
        self._newest: StepRecord | None = None
        self._previous: StepRecord | None = None  # of the open episode
        self.counts = Counts()

    @property
    def recording(self) -> bool:
        """Whether an episode is open."""
        return self._writer is not None

    @property
    def newest_step(self) -> StepRecord | None:
        """The control step that arrived last, whether recorded or not."""
        return self._newest

    def open(self, meta: EpisodeMeta) -> None:
        """Begin an episode."""
        if self._writer is not None:
            raise RuntimeError("an episode is open already, close or abort it first")
        self._writer = EpisodeWriter(self._root, meta)
        self._previous, self.counts = None, Counts()

    def put_frame(self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float) -> None:
        """Take an RGB image (H, W, 3) uint8 with its ROS stamp and its steady time of arrival."""
        sample = camera, image, stamp_s, arrival_s
        if self._writer is not None and self._take(stamp_s, self._writer.add_frame, *sample):
            self.counts.frames[camera] = self.counts.frames.get(camera, 0) + 1

    def put_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> None:
        """Take merged joint positions (J,) and the gripper's opening."""
        sample = positions_rad, gripper_m, stamp_s, arrival_s
        if self._writer is not None and self._take(stamp_s, self._writer.add_joints, *sample):
            self.counts.joints += 1

    def put_step(self, step: StepRecord) -> None:
        """Take one control step."""
        self._newest = step
        if self._writer is None or not self._take(step.stamp_s, self._writer.add_step, step):
            return
        counts = self.counts
        counts.control_steps += 1
        if step.source == Source.EXPERT:
            counts.expert_steps += 1
            counts.interventions.add(step.intervention_id)
        if self._previous is not None:
            passed = step.seq - self._previous.seq
            if passed > 0:  # otherwise the gate has started anew
                counts.missed_steps += passed - 1
                overdue_s = step.stamp_s - self._previous.stamp_s - passed * self._period_s
                counts.late_steps += overdue_s > self._period_s
        self._previous = step

    def detach(self) -> EpisodeWriter:
        """Record no further; the caller closes the writer, in a thread of its own if it likes."""
        if self._writer is None:
            raise RuntimeError("no episode is open")
        writer, self._writer = self._writer, None
        return writer

    def forget_counts(self) -> None:
        """Count from zero, before the next episode is opened."""
        self.counts = Counts()

    def abort(self) -> None:
        """Drop the open episode, if there is one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abort()

    def _take(self, stamp_s: float, add: Callable[..., None], *sample: object) -> bool:
        """Hand a sample to the writer; one that does not fit is counted, and the first is said."""
        try:
            if self._newest is not None and stamp_s > self._newest.stamp_s + AHEAD_S:
                ahead_s = stamp_s - self._newest.stamp_s
                raise DataError(f"stamp {ahead_s:.1f} s ahead of the control steps, allowed: {AHEAD_S} s")
            add(*sample)
        except (DataError, ShapeError) as error:
            self.counts.refused += 1
            if self.counts.refused == 1:
                self._log(f"a sample was not recorded: {error}")
            return False
        return True
