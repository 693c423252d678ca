"""Episodes of the store as a set."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from drift_config.errors import ConfigError
from drift_config.loader import to_plain
from drift_config.strict import STRICT
from drift_core.episodes import Episode
from drift_core.errors import DataError
from drift_core.observation.spec import CameraSpec
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_formats.format import Cell
from drift_formats.lerobot import layout
from drift_formats.lerobot.features import Feature, camera_feature
from drift_formats.lerobot.names import action_names, state_names
from drift_formats.lerobot.normalisation import ExactSpread, scaling_remarks
from drift_formats.lerobot.provenance import provenance_columns, provenance_features
from drift_formats.lerobot.rows import Rows, episode_rows
from drift_formats.lerobot.stamps import to_ns
from drift_formats.lerobot.video import Coding
from drift_formats.lerobot.writer import SetWriter


@dataclass(frozen=True, config=STRICT)
class ExportOptions:
    """How a set is written; the defaults of videos are those of LeRobot."""

    cameras: Literal["images", "video"] = "images"
    codec: Literal["av1", "h264", "h264_444"] = "av1"  # of video; 444: colours at full resolution
    crf: Annotated[int, Field(ge=0, le=63)] = 30  # of video: quality, lower is better and larger
    keyframe_every: Annotated[int, Field(ge=1, le=1000)] = 2  # of video: pictures

    def __post_init__(self) -> None:
        if self.codec != "av1" and self.crf > 51:
            raise ConfigError(f"crf={self.crf} must be at most 51 with codec={self.codec}")

    @property
    def coding(self) -> Coding | None:
        """How video is coded; None without."""
        if self.cameras == "images":
            return None
        encoder: Literal["libsvtav1", "libx264"] = "libsvtav1" if self.codec == "av1" else "libx264"
        pixels: Literal["yuv420p", "yuv444p"] = "yuv444p" if self.codec == "h264_444" else "yuv420p"
        return Coding(encoder, pixels, self.crf, self.keyframe_every)


def export_set(
    episodes: Iterable[tuple[Cell, Episode]],
    folder: Path,
    options: ExportOptions,
    say: Callable[[str], None],
) -> None:
    """Write `episodes` as a set; `say` is told what of one is lost, and what LeRobot would scale wrongly."""
    writer: SetWriter | None = None
    first: Episode | None = None
    of_first: list[Feature] = []
    of_steps: list[Feature] = []
    spreads = {layout.STATE: ExactSpread(), layout.ACTION: ExactSpread()}
    try:
        for cell, episode in episodes:
            features = _features(cell, episode, options)
            if writer is None or first is None:
                first, of_first, of_steps = episode, features, provenance_features(episode.steps)
                fps = fps_of(cell.task.dt_s)
                writer = SetWriter(folder, [*features, *of_steps], fps, episode.meta.robot, options.coding)
            _check_like(first, of_first, episode, features)
            known = {feature.name for feature in of_steps}
            for feature in provenance_features(episode.steps):
                if feature.name not in known:
                    say(f"{episode.meta.id}: {feature.name} is left out, {first.meta.id} has nothing of it")
            rows = episode_rows(cell, episode)
            columns = _columns(rows, episode) | provenance_columns(episode.steps, rows.step, of_steps)
            pictures = {
                f"{layout.IMAGES}{name}": map(frames.image, range(len(frames)))
                for name, frames in rows.frames.items()
            }
            about = {layout.META: json.dumps(to_plain(episode.meta))}
            writer.add(columns, pictures, episode.meta.task, about)
            for name, spread in spreads.items():
                spread.add(columns[name])
            if rows.remark:
                say(f"{episode.meta.id}: {rows.remark}")
            if episode.chunks:
                said = "are left out: a set has a place for what was wanted at each step only"
                say(f"{episode.meta.id}: {len(episode.chunks)} chunks of the policy {said}")
            if episode.rewards:
                said = "are left out: next.reward is the score"
                say(f"{episode.meta.id}: {len(episode.rewards)} rewards of steps {said}")
        if writer is None:
            raise DataError("a set must have at least one episode")
        writer.close()
    except BaseException:
        if writer is not None:
            writer.abort()
        raise
    for feature in writer.features:
        if feature.name in spreads and feature.names is not None:
            found, exact = writer.statistics[feature.name], spreads[feature.name]
            for remark in scaling_remarks(feature.name, feature.names, found, exact):
                say(remark)


def fps_of(dt_s: float) -> int:
    """Return the rate of policy steps; DataError where it is not whole, as LeRobot needs it."""
    fps = round(1.0 / dt_s)
    if fps < 1 or abs(fps * dt_s - 1.0) > 1e-6:
        raise DataError(
            f"dt_s={dt_s:g} of the task must be 1 / n s: a set of LeRobot has a whole number of fps"
        )
    return fps


def _features(cell: Cell, episode: Episode, options: ExportOptions) -> list[Feature]:
    states, actions = state_names(cell), action_names(cell)
    dtype = "image" if options.cameras == "images" else "video"
    cameras = _cameras(cell, episode)
    return [
        Feature(layout.STATE, "float32", (len(states),), states),
        Feature(layout.ACTION, "float32", (len(actions),), actions),
        *(camera_feature(camera.name, camera.height, camera.width, dtype) for camera in cameras),
        Feature(layout.INTERVENTION, "bool"),
        Feature(layout.REWARD, "float32"),
        Feature(layout.DONE, "bool"),
        Feature(layout.SUCCESS, "bool"),
        Feature(layout.OBSERVATION_STAMP, "int64"),
        Feature(layout.ACTION_STAMP, "int64"),
        *(Feature(f"{layout.FRAME_STAMP}{camera.name}", "int64") for camera in cameras),
        *(Feature(f"{layout.FRAME_ARRIVAL}{camera.name}", "int64") for camera in cameras),
    ]


def _columns(rows: Rows, episode: Episode) -> dict[str, np.ndarray]:
    meta, last = episode.meta, np.arange(len(rows)) == len(rows) - 1
    reward = meta.credit or 0.0
    columns = {
        layout.STATE: rows.state,
        layout.ACTION: rows.action,
        layout.INTERVENTION: rows.by_expert,
        layout.REWARD: np.where(last, reward, 0.0).astype(np.float32),
        layout.DONE: last,
        layout.SUCCESS: last & (meta.outcome == "success"),
        layout.OBSERVATION_STAMP: to_ns(rows.t_ref_s),
        layout.ACTION_STAMP: to_ns(rows.due_s),
    }
    for camera, frames in rows.frames.items():
        columns[f"{layout.FRAME_STAMP}{camera}"] = to_ns(frames.stamp_s)
        columns[f"{layout.FRAME_ARRIVAL}{camera}"] = to_ns(frames.arrival_s)
    return columns


def _cameras(cell: Cell, episode: Episode) -> list[CameraSpec]:
    """Return the cameras of the task as they were recorded."""
    recorded = {camera.name: camera for camera in episode.meta.cameras}
    wanted = [camera.name for camera in cell.task.cameras]
    if missing := set(wanted).difference(recorded):
        raise DataError(f"episode {episode.meta.id}: cameras={sorted(missing)} were not recorded")
    return [recorded[name] for name in wanted]


def _check_like(first: Episode, of_first: list[Feature], episode: Episode, features: list[Feature]) -> None:
    """DataError where an episode does not go into the set of the first one."""
    facts = [(name, getattr(first.meta, name), getattr(episode.meta, name)) for name in ("robot", "dt_s")]
    facts.append(("cameras", _sizes(of_first), _sizes(features)))
    facts += [
        (name, _entries(of_first, name), _entries(features, name)) for name in (layout.STATE, layout.ACTION)
    ]
    for name, one, other in facts:
        if one != other:
            way_out = (
                ""
                if first.meta.task == episode.meta.task
                else "; drift data split --by task takes the tasks apart"
            )
            verb = "are" if name == "cameras" else "is"
            raise DataError(
                f"episode {episode.meta.id}: {name} must be {one} as in {first.meta.id}, {verb} {other}: "
                f"all of a set have the same{way_out}"
            )


def _sizes(features: list[Feature]) -> str:
    cameras = [feature for feature in features if feature.is_camera]
    sizes = (f"{c.name.removeprefix(layout.IMAGES)} {c.shape[1]}x{c.shape[0]}" for c in cameras)
    return ", ".join(sizes) or "none"


def _entries(features: list[Feature], name: str) -> str:
    (found,) = (feature for feature in features if feature.name == name)
    return ", ".join(found.names or ())
