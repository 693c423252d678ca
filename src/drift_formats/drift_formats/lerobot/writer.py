"""Write a set, episode by episode; it is one when `close` has returned."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from drift_core.errors import DataError

from drift_formats.lerobot import layout
from drift_formats.lerobot.features import INDEX_FEATURES, Feature, arrow_schema, table_of
from drift_formats.lerobot.statistics import (
    Statistics,
    column_statistics,
    joined,
    looked_at,
    picture_statistics,
)
from drift_formats.lerobot.video import Coding, VideoWriter

_MB = 1 << 20
_EPISODES_PER_FILE = 1000
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 6]  # as LeRobot's
_PANDAS = {
    "index_columns": ["task"],
    "column_indexes": [],
    "columns": [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": of_numpy, "metadata": None}
        for name, kind, of_numpy in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ],
    "pandas_version": "2.2.0",
}


class SetWriter:
    """A set in an empty folder."""

    def __init__(
        self, folder: Path, features: Sequence[Feature], fps: int, robot: str, coding: Coding | None
    ) -> None:
        """`coding`: of cameras that are video."""
        self.features = (*features, *INDEX_FEATURES)
        self._folder, self._fps, self._robot, self._coding = folder, fps, robot, coding
        self._schema = arrow_schema(self.features)
        self._data: pq.ParquetWriter | None = None
        self._data_path = folder
        self._data_file = -1
        self._videos = {
            feature.name: VideoWriter(folder, feature, fps, coding)
            for feature in self.features
            if feature.dtype == "video" and coding is not None
        }
        self._tasks: list[str] = []
        self._rows = self._episodes = 0
        self._waiting: list[dict[str, Any]] = []  # descriptions of episodes
        self.statistics: dict[str, Statistics] = {}  # of all rows, by column

    def add(
        self,
        columns: Mapping[str, np.ndarray],
        pictures: Mapping[str, Iterator[np.ndarray]],
        task: str,
        about: Mapping[str, str],
    ) -> None:
        """Add an episode: its columns (N, …), and by camera column its N pictures (H, W, 3) uint8 RGB.

        `about`: more columns of the row that describes it.
        """
        if task not in self._tasks:
            self._tasks.append(task)
        length = len(next(iter(columns.values())))
        number = np.arange(length)
        indices = {
            "timestamp": number / self._fps,
            "frame_index": number,
            "episode_index": np.full(length, self._episodes),
            "index": self._rows + number,
            "task_index": np.full(length, self._tasks.index(task)),
        }
        values: dict[str, Any] = {**columns, **indices}
        statistics = {
            feature.name: column_statistics(values[feature.name])
            for feature in self.features
            if not feature.is_camera and feature.dtype != "string"
        }
        places: dict[str, Any] = {}
        for feature in self.features:
            if feature.is_camera:
                found, encoded, place = self._take(feature, pictures[feature.name], length)
                statistics[feature.name], values[feature.name] = found, encoded
                places |= place
        chunk, file = self._write(table_of(self.features, values))
        self._waiting.append(
            {
                "episode_index": self._episodes,
                "tasks": [task],
                "length": length,
                "data/chunk_index": chunk,
                "data/file_index": file,
                "dataset_from_index": self._rows,
                "dataset_to_index": self._rows + length,
                **places,
                **{
                    f"stats/{name}/{which}": value.tolist()
                    for name, found in statistics.items()
                    for which, value in found.items()
                },
                "meta/episodes/chunk_index": self._episodes // _EPISODES_PER_FILE // layout.FILES_PER_CHUNK,
                "meta/episodes/file_index": self._episodes // _EPISODES_PER_FILE % layout.FILES_PER_CHUNK,
                **about,
            }
        )
        for name, found in statistics.items():
            so_far = self.statistics.get(name)
            self.statistics[name] = joined([found] if so_far is None else [so_far, found])
        self._rows, self._episodes = self._rows + length, self._episodes + 1
        if len(self._waiting) == _EPISODES_PER_FILE:
            self._write_episodes()

    def close(self) -> None:
        """Finish all files."""
        if not self._episodes:
            raise DataError("a set must have at least one episode")
        if self._data is not None:
            self._data.close()
        for video in self._videos.values():
            video.close()
        if self._waiting:
            self._write_episodes()
        tasks = pa.table({"task_index": range(len(self._tasks)), "task": self._tasks})
        tasks = tasks.replace_schema_metadata({"pandas": json.dumps(_PANDAS)})
        pq.write_table(tasks, self._folder / layout.TASKS_FILE)
        statistics = {
            name: {which: value.tolist() for which, value in found.items()}
            for name, found in self.statistics.items()
        }
        self._write_json(layout.STATS_FILE, statistics)
        self._write_json(layout.INFO_FILE, self._info())

    def abort(self) -> None:
        """Let go of all files."""
        if self._data is not None:
            self._data.close()
        for video in self._videos.values():
            video.close()

    def _take(
        self, feature: Feature, pictures: Iterator[np.ndarray], length: int
    ) -> tuple[Statistics, list[bytes], dict[str, Any]]:
        """Store the pictures of one camera; return statistics, PNGs, and where in a video they are."""
        video = self._videos.get(feature.name)
        if video is not None:
            video.begin_episode()
        seen, encoded, wanted = [], [], set(looked_at(length))
        for number, picture in enumerate(pictures):
            if number in wanted:
                seen.append(picture)
            if video is not None:
                video.add(picture)
            else:
                encoded.append(_png(picture))
        if video is None:
            return picture_statistics(seen), encoded, {}
        place, key = video.end_episode(), f"videos/{feature.name}"
        return (
            picture_statistics(seen),
            encoded,
            {
                f"{key}/chunk_index": place.chunk_index,
                f"{key}/file_index": place.file_index,
                f"{key}/from_timestamp": place.from_s,
                f"{key}/to_timestamp": place.to_s,
            },
        )

    def _write(self, table: pa.Table) -> tuple[int, int]:
        """Write the rows of an episode, a row group; return chunk and file in which they are."""
        if self._data is None or self._data_path.stat().st_size + table.nbytes > layout.DATA_FILE_MB * _MB:
            if self._data is not None:
                self._data.close()
            self._data_file += 1
            self._data_path = self._path(layout.DATA_PATH, self._data_file)
            self._data = pq.ParquetWriter(self._data_path, self._schema, compression="snappy")
        self._data.write_table(table)
        return divmod(self._data_file, layout.FILES_PER_CHUNK)

    def _write_episodes(self) -> None:
        path = self._path(layout.EPISODES_PATH, (self._episodes - 1) // _EPISODES_PER_FILE)
        pq.write_table(pa.Table.from_pylist(self._waiting), path)
        self._waiting.clear()

    def _path(self, template: str, number: int) -> Path:
        chunk, file = divmod(number, layout.FILES_PER_CHUNK)
        path = self._folder / template.format(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _info(self) -> dict[str, Any]:
        described = {feature.name: feature.description() for feature in self.features}
        for feature in self.features:
            if feature.dtype == "video" and self._coding is not None:
                described[feature.name]["info"] = self._coding.description(feature, self._fps)
        return {
            "codebase_version": layout.VERSION,
            "fps": self._fps,
            "features": described,
            "total_episodes": self._episodes,
            "total_frames": self._rows,
            "total_tasks": len(self._tasks),
            "chunks_size": layout.FILES_PER_CHUNK,
            "data_files_size_in_mb": layout.DATA_FILE_MB,
            "video_files_size_in_mb": layout.VIDEO_FILE_MB,
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH if self._videos else None,
            "robot_type": self._robot,
            "splits": {"train": f"0:{self._episodes}"},
        }

    def _write_json(self, name: str, content: Any) -> None:
        (self._folder / name).write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")


def _png(picture: np.ndarray) -> bytes:
    encoded, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _PNG)
    if not encoded:
        raise DataError(f"a picture of {picture.shape} cannot be encoded")
    return png.tobytes()
