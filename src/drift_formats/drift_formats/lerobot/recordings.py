"""The episodes of a set: of any robot as demonstrations, of our own export as what they were."""

import hashlib
import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from drift_core.episodes import EpisodeMeta, EpisodeWriter, OutcomeName
from drift_core.episodes.description import parse_meta
from drift_core.errors import DataError
from drift_core.observation.fit import fit

from drift_formats.format import Cell, Ending, Recording
from drift_formats.lerobot import layout
from drift_formats.lerobot.meaning import Meaning, meaning_of, motion_of
from drift_formats.lerobot.samples import Driven, Samples, samples_of
from drift_formats.lerobot.set_files import EpisodeEntry, SetFiles
from drift_formats.lerobot.source_map import SourceMap
from drift_formats.lerobot.stamps import to_s

_OUTSIDE = re.compile(r"[^A-Za-z0-9_.-]")
_FPS_TOLERANCE = 1e-6


def read_origin(source: Path) -> tuple[str, str]:
    """Return robot and task of our own export, no task where it has several; else nothing."""
    files = SetFiles(source)
    if layout.OBSERVATION_STAMP not in files.features:
        return "", ""
    return files.robot, files.tasks[0] if len(files.tasks) == 1 else ""


def read_recordings(source: Path, cell: Cell, source_map: SourceMap) -> Iterator[Recording]:
    """Yield the episodes of the set `source` for a robot and a task; DataError where they do not fit.

    Those of our own export say themselves of which robot and task they are.
    """
    files = SetFiles(source)
    if files.fps * cell.task.dt_s < 1.0 - _FPS_TOLERANCE:
        raise DataError(
            f"{files.info_path}: fps={files.fps:g} must be at least the {1.0 / cell.task.dt_s:g} policy "
            f"steps a second of task {cell.task.name}"
        )
    meaning = meaning_of(files, cell, source_map)
    for entry in files.entries():
        reader = _Reader(files, cell, meaning, entry)
        yield Recording(reader.meta, reader.fill)


class _Reader:
    """One episode of a set."""

    def __init__(self, files: SetFiles, cell: Cell, meaning: Meaning, entry: EpisodeEntry) -> None:
        self._files, self._cell, self._meaning, self._entry = files, cell, meaning, entry
        self._rows, self._table = files.rows(entry, list(meaning.cameras.values()))
        self._stamped = {layout.OBSERVATION_STAMP, layout.ACTION_STAMP} <= self._rows.keys()
        self._own = _own(entry, files) if entry.about else None
        stamps = "" if self._stamped else "; stamps are frame_index / fps"
        said = self._own or self._assumed()
        self.meta = EpisodeMeta(
            id=said.id,
            robot=said.robot,
            task=said.task,
            seed=said.seed,
            kind=said.kind,
            cameras=cell.task.camera_specs,
            dt_s=cell.task.dt_s,
            started_s=said.started_s,
            weight=said.weight,
            drift_version=f"{version('drift_core')} (from LeRobot {files.version}{stamps})",
        )

    def fill(self, writer: EpisodeWriter) -> Ending:
        """Add everything."""
        motion = motion_of(self._files, self._cell, self._meaning, self._rows)
        seen_s, due_s = self._times()
        samples = samples_of(seen_s, due_s, motion, self._driven(), self._rows, self._cell.task.dt_s)
        for q, gripper_m, stamp_s in samples.joints:
            writer.add_joints(q, gripper_m, stamp_s, stamp_s)
        self._add_pictures(writer, seen_s)
        for step in samples.steps:
            writer.add_step(step)
        score = None if self._own is None else self._own.score
        return Ending(self._outcome(), score, self._remark(samples))

    def _assumed(self) -> EpisodeMeta:
        """Return what can be assumed of an episode of another set."""
        task, said = self._cell.task, self._rows.get(layout.INTERVENTION)
        corrected = said is not None and not said.astype(bool).all()
        return EpisodeMeta(
            id=_name(self._files.folder, self._entry.index, self._rows),
            robot="point" if self._cell.arm is None else self._cell.arm.name,
            task=task.name,
            seed=0,
            kind="intervention" if corrected else "demonstration",
            cameras=task.camera_specs,
            dt_s=task.dt_s,
            started_s=0.0,
        )

    def _times(self) -> tuple[np.ndarray, np.ndarray]:
        """Return when each row was seen, and when its action was due (N,)."""
        if self._stamped:
            stamps = self._rows[layout.OBSERVATION_STAMP], self._rows[layout.ACTION_STAMP]
            return to_s(stamps[0]), to_s(stamps[1])
        number = np.arange(self._entry.length)
        return number / self._files.fps, (number + 1) / self._files.fps

    def _driven(self) -> Driven:
        """Return who drove in each row: where nobody says, the expert."""
        said = self._rows.get(layout.INTERVENTION)
        return Driven.by_all(self._entry.length) if said is None else Driven.of(said.astype(bool))

    def _add_pictures(self, writer: EpisodeWriter, seen_s: np.ndarray) -> None:
        for camera in self._cell.task.cameras:
            stamp_s = arrival_s = seen_s + camera.latency_s  # so that the picture stands for that time
            if self._stamped and f"{layout.FRAME_STAMP}{camera.name}" in self._rows:
                stamp_s = to_s(self._rows[f"{layout.FRAME_STAMP}{camera.name}"])
                arrival_s = to_s(self._rows[f"{layout.FRAME_ARRIVAL}{camera.name}"])
            pictures = self._files.pictures(self._entry, self._table, self._meaning.cameras[camera.name])
            for picture, stamp, arrival in zip(pictures, stamp_s, arrival_s, strict=True):
                writer.add_frame(camera.name, fit(picture, camera.height, camera.width), stamp, arrival)

    def _outcome(self) -> OutcomeName:
        if self._own is not None:
            return self._own.outcome
        success = self._rows.get(layout.SUCCESS)
        if success is None:
            return "unknown"
        return "success" if success.astype(bool).any() else "failure"

    def _remark(self, samples: Samples) -> str:
        remarks = [samples.remark] if samples.remark else []
        sizes = {
            column: self._files.features[column].size
            for camera in self._cell.task.cameras
            if (column := self._meaning.cameras[camera.name])
            and self._files.features[column].size != (camera.height, camera.width)
        }
        remarks += [
            f"{column} of {width}x{height} was made to fit" for column, (height, width) in sizes.items()
        ]
        return "; ".join(remarks)


def _name(folder: Path, index: int, rows: dict[str, np.ndarray]) -> str:
    """Return an id of the folder, the number and the numbers of an episode: of another set, it is another."""
    name = _OUTSIDE.sub("_", folder.resolve().name)[:80]
    if not name[:1].isalnum():
        name = f"set{name}"[:80]
    digest = hashlib.sha256()
    for column, values in sorted(rows.items()):
        if column not in layout.INDICES:
            digest.update(f"{column} {values.dtype.str} {values.shape} ".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
    return f"{name}_{index:06d}_{digest.hexdigest()[:8]}"


def _own(entry: EpisodeEntry, files: SetFiles) -> EpisodeMeta:
    """Return what `drift data export` has written; DataError where it is no longer that."""
    where = f"{files.folder}: {layout.META} of episode {entry.index}"
    try:
        said = json.loads(entry.about)
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{where}: cannot be read: {error}") from error
    return parse_meta(said, where)
