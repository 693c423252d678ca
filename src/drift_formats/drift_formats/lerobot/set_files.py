"""Read a set of LeRobot, v3.0 or v2.1, episode by episode; nothing outside of its folder is read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from drift_core.errors import DataError

from drift_formats.lerobot import layout
from drift_formats.lerobot.checked_files import (
    entry_of,
    number_of,
    read_json,
    read_json_lines,
    read_parquet,
)
from drift_formats.lerobot.features import Feature
from drift_formats.lerobot.layout import INFO_FILE
from drift_formats.lerobot.video import read_pictures

_V2_EPISODES, _V2_TASKS = "meta/episodes.jsonl", "meta/tasks.jsonl"
_V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
_V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
_ONE_NUMBER = {layout.INTERVENTION, layout.SUCCESS, layout.OBSERVATION_STAMP, layout.ACTION_STAMP}
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$")
_LONGEST_SIDE = 8192  # of a picture [pixel]


@dataclass(frozen=True)
class EpisodeEntry:
    """What a set says of one episode."""

    index: int
    length: int
    data: Path  # file with its rows
    videos: dict[str, tuple[Path, float]]  # by column: file, and time of the first picture in it
    about: str  # what `drift data export` says of it, as JSON; empty: nothing


class SetFiles:
    """A set on disk."""

    def __init__(self, folder: Path) -> None:
        """Read its description; DataError names file and key."""
        self.folder = folder
        self.info_path = folder / INFO_FILE
        info = read_json(self.info_path)
        self.version = str(entry_of(info, "codebase_version", str, self.info_path))
        if self.version not in ("v3.0", "v2.1", "v2.0"):
            raise DataError(f"{self.info_path}: codebase_version={self.version!r} must be v3.0, v2.1 or v2.0")
        self.fps = float(number_of(info, "fps", int | float, self.info_path))
        if not 0.1 <= self.fps <= 10_000:
            raise DataError(f"{self.info_path}: fps={self.fps:g} must lie in [0.1, 10000]")
        robot = info.get("robot_type")
        self.robot = robot if isinstance(robot, str) else ""
        self.features = {
            name: _feature(name, described, self.info_path)
            for name, described in entry_of(info, "features", dict, self.info_path).items()
        }
        for name in _ONE_NUMBER.intersection(self.features):
            if self.features[name].is_numbers and self.features[name].shape != (1,):
                shape = list(self.features[name].shape)
                raise DataError(f"{self.info_path}: features: {name}: shape={shape} must be [1]")
        paths = (layout.DATA_PATH, layout.VIDEO_PATH) if self._is_v3 else (_V2_DATA, _V2_VIDEO)
        for key, path in zip(("data_path", "video_path"), paths, strict=True):
            if info.get(key) not in (path, None):
                raise DataError(f"{self.info_path}: {key}={info[key]!r} must be {path!r}")
        chunk = info.get("chunks_size", layout.FILES_PER_CHUNK)
        self._chunk = chunk if isinstance(chunk, int) and chunk > 0 else layout.FILES_PER_CHUNK

    @property
    def _is_v3(self) -> bool:
        return self.version == "v3.0"

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks in words, by task_index."""
        if self._is_v3:
            path = self.folder / layout.TASKS_FILE
            table = read_parquet(path)
            words = [name for name in table.column_names if pa.types.is_string(table.schema.field(name).type)]
            words += [n for n in table.column_names if pa.types.is_large_string(table.schema.field(n).type)]
            if len(words) != 1 or "task_index" not in table.column_names:
                raise DataError(
                    f"{path}: must have the columns task_index and task, has {table.column_names}"
                )
            rows = zip(table["task_index"].to_pylist(), table[words[0]].to_pylist(), strict=True)
        else:
            path = self.folder / _V2_TASKS
            lines = read_json_lines(path)
            rows = zip(
                (line.get("task_index") for line in lines), (line.get("task") for line in lines), strict=True
            )
        found = list(rows)
        numbers = [number for number, _ in found]
        if not all(isinstance(number, int) for number in numbers) or {*numbers} != {*range(len(numbers))}:
            raise DataError(f"{path}: task_index must count from 0, is {numbers[:10]}")
        return [str(task) for _, task in sorted(found, key=lambda row: row[0])]

    def entries(self) -> Iterator[EpisodeEntry]:
        """Yield what there is of each episode, in the order of the set."""
        videos = [feature.name for feature in self.features.values() if feature.dtype == "video"]
        if not self._is_v3:
            path = self.folder / _V2_EPISODES
            for line in read_json_lines(path):
                index = number_of(line, "episode_index", int, path)
                place = {"episode_chunk": index // self._chunk, "episode_index": index}
                yield EpisodeEntry(
                    index,
                    number_of(line, "length", int, path),
                    self.folder / _V2_DATA.format(**place),
                    {key: (self.folder / _V2_VIDEO.format(video_key=key, **place), 0.0) for key in videos},
                    "",
                )
            return
        paths = sorted((self.folder / "meta/episodes").glob("chunk-*/file-*.parquet"))
        if not paths:
            raise DataError(f"{self.folder / 'meta/episodes'}: has no file of episodes")
        for path in paths:
            wanted = ["episode_index", "length", "data/chunk_index", "data/file_index"]
            wanted += [f"videos/{key}/{name}" for key in videos for name in _VIDEO_PLACE]
            table = read_parquet(path, [*wanted, layout.META])
            if missing := [name for name in wanted if name not in table.column_names]:
                raise DataError(f"{path}: must have the column {missing[0]}")
            for row in table.to_pylist():
                index, length, chunk, file = (number_of(row, name, int, path) for name in wanted[:4])
                yield EpisodeEntry(
                    index,
                    length,
                    self.folder / layout.DATA_PATH.format(chunk_index=chunk, file_index=file),
                    {key: self._video(key, row, path) for key in videos},
                    row.get(layout.META) or "",
                )

    def _video(self, key: str, row: dict[str, Any], source: Path) -> tuple[Path, float]:
        chunk, file, from_s = (
            number_of(row, f"videos/{key}/{name}", kind, source) for name, kind in _VIDEO_PLACE.items()
        )
        path = layout.VIDEO_PATH.format(video_key=key, chunk_index=chunk, file_index=file)
        return self.folder / path, float(from_s)

    def rows(self, entry: EpisodeEntry, cameras: list[str]) -> tuple[dict[str, np.ndarray], pa.Table]:
        """Return the numbers of an episode by column, and the table with the pictures of `cameras`."""
        images = [name for name in cameras if self.features[name].dtype == "image"]
        numbers = [feature for feature in self.features.values() if feature.is_numbers]
        wanted = [*(feature.name for feature in numbers), *images]
        table = read_parquet(entry.data, wanted, pc.field("episode_index") == entry.index)
        if missing := [name for name in wanted if name not in table.column_names]:
            raise DataError(f"{entry.data}: must have the column {missing[0]}, as {self.info_path} says")
        if "frame_index" not in table.column_names:
            raise DataError(f"{entry.data}: must have the column frame_index")
        order = table["frame_index"].to_pylist()
        if len(order) != entry.length or order != list(range(len(order))):
            raise DataError(
                f"{entry.data}: episode {entry.index} must have the rows 0 to {entry.length - 1}, "
                f"has {len(order)}"
            )
        return {feature.name: _numbers(table, feature, entry.data) for feature in numbers}, table

    def pictures(self, entry: EpisodeEntry, table: pa.Table, camera: str) -> Iterator[np.ndarray]:
        """Yield the pictures (H, W, 3) uint8 RGB of an episode."""
        feature = self.features[camera]
        shape = (*feature.size, 3)
        if feature.dtype == "video":
            path, from_s = entry.videos[camera]
            found = read_pictures(path, from_s, self.fps, entry.length)
        else:
            found = (_decoded(cell, entry.data, camera) for cell in table[camera])
        for picture in found:
            if picture.shape != shape:
                raise DataError(
                    f"{entry.data}: {camera} must be {shape} as {self.info_path} says, is {picture.shape}"
                )
            yield picture


_VIDEO_PLACE = {"chunk_index": int, "file_index": int, "from_timestamp": int | float}


def _feature(name: str, described: Any, path: Path) -> Feature:
    if not _NAME.match(name) or ".." in name:
        raise DataError(
            f"{path}: features: the name {name!r} must have letters, digits, '_', '-' and '.' only"
        )
    where = f"features: {name}"
    if not isinstance(described, dict):
        raise DataError(f"{path}: {where}: must be a mapping, is {described!r}")
    dtype = str(described.get("dtype"))
    shape = described.get("shape")
    if not isinstance(shape, list) or not all(isinstance(side, int) and side > 0 for side in shape):
        raise DataError(f"{path}: {where}: shape={shape!r} must be a list of numbers above 0")
    if dtype in ("image", "video") and (
        len(shape) != 3 or 3 not in (shape[0], shape[2]) or max(shape) > _LONGEST_SIDE
    ):
        raise DataError(f"{path}: {where}: shape={shape} must be that of a picture in colour")
    names = described.get("names")
    if isinstance(names, dict):  # {"motors": [...]}, as older sets have it
        names = next(iter(names.values()), None)
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        names = None
    return Feature(name, dtype, tuple(shape), None if names is None else tuple(names))


def _numbers(table: pa.Table, feature: Feature, path: Path) -> np.ndarray:
    """Return a column as (N,), or (N, width)."""
    column = table[feature.name].combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no rows
        return np.zeros((0, *feature.shape))
    if not (pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type)):
        values = column.to_numpy(zero_copy_only=False)
        if feature.shape != (1,):
            raise DataError(f"{path}: {feature.name} must have {feature.shape[0]} numbers in each row")
    else:
        flat = column.flatten().to_numpy(zero_copy_only=False)
        widths = {*pc.unique(pc.list_value_length(column)).to_pylist()}  # None of a row without a list
        if widths - {feature.shape[0]}:
            raise DataError(f"{path}: {feature.name} must have {feature.shape[0]} numbers in each row")
        values = flat.reshape(len(column), feature.shape[0])
    if values.dtype.kind not in "biuf":
        raise DataError(f"{path}: {feature.name} must have a number in each row")
    return values.reshape(-1) if feature.shape == (1,) else values


def _decoded(cell: pa.Scalar, path: Path, camera: str) -> np.ndarray:
    data = cell.as_py()
    encoded = data.get("bytes") if isinstance(data, dict) else None
    picture = None
    if isinstance(encoded, bytes) and encoded:
        try:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
        except cv2.error as error:  # a size that no picture has
            raise DataError(f"{path}: {camera}: a picture cannot be decoded: {error.err}") from error
    if picture is None:
        raise DataError(f"{path}: {camera} must hold its pictures as PNG or JPEG")
    return picture
