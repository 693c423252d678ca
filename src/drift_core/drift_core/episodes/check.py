"""Read every file of an episode whole, and say what is wrong with it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drift_core.episodes.description import described, read_meta
from drift_core.episodes.files import (
    CHUNKS,
    JOINTS,
    META_FILE,
    REWARDS,
    STEPS,
    camera_table,
    table_file,
    tables_of,
)
from drift_core.episodes.reader import read_chunks, read_frames, read_joints, read_rewards, read_steps
from drift_core.episodes.record import (
    WANTED,
    Chunks,
    EpisodeMeta,
    Frames,
    Joints,
    Steps,
    StepSource,
    StoredFile,
)
from drift_core.errors import DataError
from drift_core.observation.spec import CameraSpec
from drift_core.observation.stamps import Ordering, StampOrder

_COUNTED = ("steps", "expert_steps", "interventions", "policy_versions")
_SLOW = 1.5  # policy steps between two frames


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with an episode."""

    episode: str
    file: str
    key: str  # column, or key of episode.json; empty: the file
    text: str
    broken: bool = True  # False: it can be trained on as it is, something of it is not used

    def __str__(self) -> str:
        """Read like "steps.arrow, seq: 3 control steps never arrived"."""
        return f"{', '.join(filter(None, (self.file, self.key)))}: {self.text}"


def file_sha256(path: Path) -> str:
    """Return the digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(folder: Path, stored: StoredFile) -> str:
    """Return how a file is another than when its episode was finished, in words; empty where it is not."""
    path = folder / stored.name
    if not path.is_file():
        return "is not there"
    if (size := path.stat().st_size) != stored.size_bytes:
        return f"{size} bytes, must be {stored.size_bytes} as when the episode was finished"
    if (found := file_sha256(path)) != stored.sha256:
        return f"SHA-256 {found[:12]}…, must be {stored.sha256[:12]}… as when the episode was finished"
    return ""


def damaged_file(folder: Path) -> str:
    """Return the first file of an episode that is another than its description says, and how.

    Empty where there is none, or where the description says nothing of files.
    """
    try:
        stored_files = read_meta(folder).files
    except DataError:
        return ""
    found = (f"{stored.name}: {text}" for stored in stored_files if (text := damage(folder, stored)))
    return next(found, "")


def check_episode(folder: Path, episode_id: str = "") -> list[Problem]:
    """Return what is wrong with the episode in `folder`, nothing where all is well.

    Without `episode_id` it must be called as its folder is.
    """
    return list(_problems(folder, episode_id or folder.name))


def _problems(folder: Path, episode_id: str) -> Iterator[Problem]:
    try:
        meta = read_meta(folder)
    except DataError as error:
        yield Problem(episode_id, META_FILE, "", _short(error, folder / META_FILE))
        return
    check = _Check(folder, meta, episode_id)
    if meta.id != episode_id:
        yield check.problem(
            META_FILE, "id", f"id={meta.id!r} must be {episode_id!r}, as the folder is called"
        )
    if meta.repaired:
        yield check.problem(META_FILE, "repaired", meta.repaired, broken=False)
    yield from check.files()
    yield from check.tables()


class _Check:
    def __init__(self, folder: Path, meta: EpisodeMeta, episode_id: str) -> None:
        self._folder, self._meta, self._id = folder, meta, episode_id

    def problem(self, file: str, key: str, text: str, broken: bool = True) -> Problem:
        return Problem(self._id, file, key, text, broken)

    def files(self) -> Iterator[Problem]:
        """Compare the files with what they were when the episode was finished."""
        wanted = {table_file(table, self._meta.schema) for table in tables_of(self._meta)}
        for stored in self._meta.files:
            if (self._folder / stored.name).is_file() and (text := damage(self._folder, stored)):
                yield self.problem(stored.name, "", text)
        if self._meta.schema > 1 and (unnamed := wanted - {stored.name for stored in self._meta.files}):
            yield self.problem(META_FILE, "files", f"lacks {', '.join(sorted(unnamed))}")

    def tables(self) -> Iterator[Problem]:
        """Read the tables and look at their numbers and images."""
        order, late = StampOrder(), dict[str, int]()
        steps_file, joints_file = (table_file(table, self._meta.schema) for table in (STEPS, JOINTS))
        try:
            steps = read_steps(self._folder / steps_file, self._meta.schema)
        except DataError as error:
            yield self.problem(steps_file, "", _short(error, self._folder / steps_file))
        else:
            yield from self._steps(steps, steps_file)
        samples: list[tuple[str, Joints | Frames]] = []
        try:
            joints = read_joints(self._folder / joints_file)
        except DataError as error:
            yield self.problem(joints_file, "", _short(error, self._folder / joints_file))
        else:
            yield from self._joints(joints, joints_file)
            samples.append((joints_file, joints))
        for camera in self._meta.cameras:
            file = table_file(camera_table(camera.name), self._meta.schema)
            try:
                frames = read_frames(self._folder / file)
            except DataError as error:
                yield self.problem(file, "", _short(error, self._folder / file))
            else:
                yield from self._frames(frames, camera, file)
                samples.append((file, frames))
        if self._meta.schema >= WANTED:
            yield from self._chunks(table_file(CHUNKS, self._meta.schema))
        if self._meta.rewarded:
            yield from self._rewards(table_file(REWARDS, self._meta.schema))
        set_backs = 0
        for file, stamp_s in _by_arrival(samples):
            told = order.take(file, stamp_s)
            set_backs += told is Ordering.SET_BACK
            late[file] = late.get(file, 0) + (told is Ordering.LATE)
        for file, number in late.items():
            if number:
                yield self.problem(
                    file, "stamp_s", f"{number} samples are stamped too late to be used", False
                )
        if set_backs:
            yield self.problem(META_FILE, "", f"the clock was set back {set_backs} times", False)

    def _steps(self, steps: Steps, file: str) -> Iterator[Problem]:
        if not len(steps):
            yield self.problem(file, "", "no control step")
        yield from self._finite(file, "stamp_s", steps.stamp_s)
        yield from self._finite(file, "chunk_age_s", steps.chunk_age_s)
        unknown = sorted(set(steps.source.tolist()) - set(StepSource))
        if unknown:
            yield self.problem(
                file, "source", f"{unknown} must be among {[int(known) for known in StepSource]}"
            )
        for name in ("commanded", "measured", "action", "proposed"):
            rows = getattr(steps, name)
            finite = np.isfinite(rows)
            known = ~np.isnan(rows).all(axis=1)
            bad = int((known & ~finite.all(axis=1)).sum())
            if bad:
                yield self.problem(
                    file, name, f"{bad} of {len(rows)} vectors are known in part, or not finite"
                )
        if steps.commanded.shape[1] != steps.measured.shape[1]:
            widths = f"{steps.commanded.shape[1]} numbers, measured has {steps.measured.shape[1]}"
            yield self.problem(file, "commanded", widths)
        missed = int(np.maximum(np.diff(steps.seq) - 1, 0).sum())
        if missed:
            yield self.problem(file, "seq", f"{missed} control steps never arrived", broken=False)
        columns = (steps.stamp_s, steps.source, steps.intervention_id, steps.policy_version)
        said = described(self._meta, *columns)
        for name in _COUNTED:
            if (now := getattr(self._meta, name)) != (right := getattr(said, name)):
                yield self.problem(META_FILE, name, f"{name}={now} must be {right}, as {file} says")

    def _joints(self, joints: Joints, file: str) -> Iterator[Problem]:
        if not len(joints):
            yield self.problem(file, "", "no joint sample")
        yield from self._arrivals(file, joints)
        yield from self._finite(file, "positions_rad", joints.positions_rad, broken=False)
        yield from self._finite(file, "gripper_m", joints.gripper_m, broken=False)

    def _chunks(self, file: str) -> Iterator[Problem]:
        try:
            chunks = read_chunks(self._folder / file)
            for _ in (*chunks.data, *chunks.latent):
                pass
        except DataError as error:
            yield self.problem(file, "", _short(error, self._folder / file))
        else:
            yield from self._arrivals(file, chunks)

    def _rewards(self, file: str) -> Iterator[Problem]:
        try:
            rewards = read_rewards(self._folder / file)
        except DataError as error:
            yield self.problem(file, "", _short(error, self._folder / file))
        else:
            yield from self._finite(file, "stamp_s", rewards.stamp_s)
            yield from self._finite(file, "reward", rewards.reward)

    def _frames(self, frames: Frames, camera: CameraSpec, file: str) -> Iterator[Problem]:
        if not len(frames):
            yield self.problem(file, "", "no frame")
        yield from self._arrivals(file, frames)
        wrong: list[str] = []
        for number in range(len(frames)):
            try:
                height, width = frames.image(number).shape[:2]
            except DataError as error:
                wrong.append(_short(error, Path(frames.file)))
                continue
            if (height, width) != (camera.height, camera.width):
                size = f"{width}x{height}, must be {camera.width}x{camera.height}"
                wrong.append(f"frame stamped {frames.stamp_s[number]:.6f}: {size}")
        if wrong:
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            yield self.problem(file, "image", wrong[0] + more)
        interval_s = float(np.median(np.diff(frames.arrival_s))) if len(frames) > 1 else 0.0
        if interval_s > _SLOW * self._meta.dt_s:
            text = f"a frame each {interval_s:.2f} s, the policy looks each {self._meta.dt_s:g} s"
            yield self.problem(file, "arrival_s", text, broken=False)

    def _arrivals(self, file: str, samples: Joints | Frames | Chunks) -> Iterator[Problem]:
        yield from self._finite(file, "stamp_s", samples.stamp_s)
        yield from self._finite(file, "arrival_s", samples.arrival_s)
        if back := int((np.diff(samples.arrival_s) < 0).sum()):
            yield self.problem(file, "arrival_s", f"{back} samples arrived before the one in front of them")

    def _finite(self, file: str, name: str, values: np.ndarray, broken: bool = True) -> Iterator[Problem]:
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1) if len(values) else np.zeros(0)
        if number := int(bad.sum()):
            yield self.problem(file, name, f"{number} of {len(values)} are not finite", broken)


def _by_arrival(samples: list[tuple[str, Joints | Frames]]) -> Iterator[tuple[str, float]]:
    """Yield file and stamp of all samples in the order of their arrival."""
    if not samples:
        return
    arrival_s = np.concatenate([sample.arrival_s for _, sample in samples])
    stamp_s = np.concatenate([sample.stamp_s for _, sample in samples])
    which = np.concatenate([np.full(len(sample), n) for n, (_, sample) in enumerate(samples)]).astype(int)
    for event in np.argsort(arrival_s, kind="stable"):
        yield samples[which[event]][0], float(stamp_s[event])


def _short(error: DataError, path: Path) -> str:
    """Return what an error says, less the file, which stands beside it."""
    return str(error).removeprefix(f"{path}: ")
