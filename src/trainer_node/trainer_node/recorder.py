"""From incoming frames, joint samples and control steps to the open episode, and counts of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from drift_control.freshness import picture_ahead
from drift_core.episodes import (
    LOSSLESS,
    BackgroundWriter,
    ChunkRecord,
    EpisodeMeta,
    ImageEncoding,
    StepRecord,
    StepSource,
)
from drift_core.episodes.background import ENCODERS, QUEUE_BYTES
from drift_core.episodes.rows import Row, Rows
from drift_core.errors import DataError, ShapeError
from drift_ros.input_watch import JOINTS, STEPS, InputWatch, camera_source

from trainer_node.excerpts import ExcerptTap

CHUNKS = "action_chunk"  # as a source in what is said of a sample
_PRESSED = 0.25  # of what may wait
_SLOW_S = 1.0  # a disk that has taken nothing for so long is told of


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

    def __init__(
        self,
        root: Path,
        control_period_s: float,
        log: Callable[[str], None],
        latency_s: Mapping[str, float],
        silence_s: float = 2.0,
        tap: ExcerptTap | None = None,
        encoding: ImageEncoding = LOSSLESS,
        encoders: int = ENCODERS,
    ) -> None:
        """`latency_s`: of each camera, by name.

        `silence_s`: a camera, or another input, of which nothing was recorded for so long is missing. `tap`
        is told of everything that is recorded. `encoding`: of the images, by so many `encoders` (threads).
        """
        self._root = root
        self._period_s = control_period_s
        self._log = log
        self._tap, self._encoding, self._encoders = tap, encoding, encoders
        self._writer: BackgroundWriter | None = None
        self._last_writer: BackgroundWriter | None = None  # of the last opened episode
        self._newest: StepRecord | None = None
        self._previous: StepRecord | None = None  # of the open episode
        self.counts = Counts()
        self._latency_s = dict(latency_s)
        sources = (*map(camera_source, latency_s), JOINTS, STEPS)
        self.watch = InputWatch(dict.fromkeys(sources, silence_s), never="nothing recorded yet")
        self._told = False  # of the trouble
        self._told_pressed = False

    @property
    def recording(self) -> bool:
        """Whether an episode is open."""
        return self._writer is not None

    @property
    def trouble(self) -> str:
        """Why the last opened episode is not written any further; empty while it is."""
        trouble = "" if self._last_writer is None else self._last_writer.trouble
        return f"the episode cannot be written: {trouble}" if trouble else ""

    @property
    def slow(self) -> str:
        """Say so when the disk has taken nothing for a second, or when much waits; empty otherwise."""
        if self._writer is None:
            return ""
        waiting = f"{self._writer.waiting_bytes / 1e6:.0f} MB wait"
        if (stalled_s := self._writer.stalled_s()) >= _SLOW_S:
            return f"the disk has taken nothing for {stalled_s:.1f} s, {waiting}"
        if not self.pressed:
            return ""
        end = f"at {QUEUE_BYTES / 1e6:.0f} MB the episode ends"
        return f"more comes than this machine encodes and writes: {waiting}, {end}"

    @property
    def pressed(self) -> bool:
        """Whether so much waits for the disk that others, like a bag, must leave it to the episode."""
        return self._writer is not None and self._writer.waiting_bytes > QUEUE_BYTES * _PRESSED

    @property
    def newest_step(self) -> StepRecord | None:
        """The control step that arrived last, whether recorded or not."""
        return self._newest

    def open(self, meta: EpisodeMeta, now_s: float) -> None:
        """Begin an episode at the steady time `now_s`; OSError when there is no room for it."""
        if self._writer is not None:
            raise RuntimeError("an episode is open already, close or abort it first")
        writer = BackgroundWriter(self._root, meta, self._encoding, encoders=self._encoders)
        self.forget()
        self._writer = self._last_writer = writer
        self.watch.begin(now_s)
        if self._tap is not None:
            self._tap.begin(meta)

    def put_frame(
        self, camera: str, image: np.ndarray, stamp_s: float, arrival_s: float, ros_s: float
    ) -> None:
        """Take an RGB image (H, W, 3) uint8 with its ROS stamp and its steady time of arrival.

        One whose stamp the policy would not believe at ROS time `ros_s` is refused here, too.
        """
        source = camera_source(camera)
        if objection := picture_ahead(stamp_s, self._latency_s[camera], ros_s):
            self.refuse(source, objection)
            return

        row = self._take(source, lambda rows: rows.frame(camera, image, stamp_s, arrival_s))
        if row is None:
            return
        if self._tap is not None:
            self._tap.sample(row, arrival_s)
        self.watch.arrived(source, arrival_s)
        self.counts.frames[camera] = self.counts.frames.get(camera, 0) + 1

    def put_joints(
        self, positions_rad: np.ndarray, gripper_m: float, stamp_s: float, arrival_s: float
    ) -> None:
        """Take joint positions (J,) and the gripper's opening, merged and believed."""
        row = self._take(JOINTS, lambda rows: rows.joints(positions_rad, gripper_m, stamp_s, arrival_s))
        if row is None:
            return
        if self._tap is not None:
            self._tap.sample(row, arrival_s)
        self.watch.arrived(JOINTS, arrival_s)
        self.counts.joints += 1

    def put_chunk(self, chunk: ChunkRecord) -> None:
        """Take one chunk of the policy, whether it is executed or not; an episode needs none."""
        row = self._take(CHUNKS, lambda rows: rows.chunk(chunk))
        if row is not None and self._tap is not None:
            self._tap.sample(row, chunk.arrival_s)

    def put_step(self, step: StepRecord, arrival_s: float) -> None:
        """Take one control step."""
        self._newest = step
        row = self._take(STEPS, lambda rows: rows.step(step))
        if row is None:
            return
        if self._tap is not None:
            self._tap.step(step, row, arrival_s)
        self.watch.arrived(STEPS, arrival_s)
        counts = self.counts
        counts.control_steps += 1
        if step.source == StepSource.EXPERT:
            counts.expert_steps += 1
            counts.interventions.add(step.intervention_id)
        if self._previous is not None:
            passed = step.seq - self._previous.seq
            if passed > 0:  # otherwise the gate has started anew
                counts.missed_steps += passed - 1
                overdue_s = step.stamp_s - self._previous.stamp_s - passed * self._period_s
                counts.late_steps += overdue_s > self._period_s
        self._previous = step

    def detach(self) -> BackgroundWriter:
        """Record no further; the caller closes or aborts the writer, in a thread of its own if it likes."""
        if self._writer is None:
            raise RuntimeError("no episode is open")
        writer, self._writer = self._writer, None
        self._close()
        return writer

    def forget(self) -> None:
        """Know nothing of the last episode, before the next one is opened."""
        self._previous, self.counts, self._last_writer = None, Counts(), None
        self._told = self._told_pressed = False

    def abort(self) -> None:
        """Drop the open episode, if there is one."""
        writer, self._writer = self._writer, None
        self._close()
        if writer is not None:
            writer.abort()

    def refuse(self, source: str, reason: str) -> None:
        """Count a sample that cannot be recorded; the first one is said. Nothing while no episode is open."""
        if self._writer is None:
            return
        self.watch.refused(source, reason)
        self.counts.refused += 1
        if self.counts.refused == 1:
            self._log(f"a sample of {source} was not recorded: {reason}")

    def _close(self) -> None:
        """Look and listen no further."""
        self.watch.begin(None)
        if self._tap is not None:
            self._tap.forget()

    def _take(self, source: str, make: Callable[[Rows], Row]) -> Row | None:
        """Hand a sample to the writer and return it; None where nothing is recorded.

        One that does not fit is counted; a disk that is full or too slow ends the recording.
        """
        writer = self._writer
        if writer is None:
            return None
        try:
            row = make(writer.rows)
            writer.add(row)
            if not self._told_pressed and self.pressed:
                self._told_pressed = True
                self._log(self.slow)
        except (DataError, ShapeError) as error:
            self.refuse(source, str(error))
            return None
        except OSError:
            if not self._told:
                self._log(self.trouble)
            self._told = True
            return None
        return row
