"""The episode in a bag that the trainer has recorded, or the export has written."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
from drift_control.freshness import picture_ahead
from drift_core.episodes import EpisodeWriter, OutcomeName
from drift_core.errors import DataError, EncodingError, ShapeError
from drift_core.messages.chunks import to_chunk_record
from drift_core.messages.steps import seconds, to_step_record
from drift_core.observation.fit import fit

from drift_formats.bags.decoding import Decoder
from drift_formats.bags.episode_notes import END_NOTE, EPISODE_NOTE, EpisodeNote
from drift_formats.bags.joint_looks import JointLooks
from drift_formats.bags.pictures import to_picture
from drift_formats.bags.reader import BagReader
from drift_formats.bags.storages import BagMessage
from drift_formats.format import Cell, Ending

_NANOSECONDS = 1_000_000_000


def note_in(source: Path) -> EpisodeNote | None:
    """Return what a bag of ours says at its beginning; None for a bag of others."""
    record = BagReader(source).leading_notes().get(EPISODE_NOTE)
    return None if record is None else EpisodeNote.of(record, str(source))


class OwnEpisode:
    """Read it by the recorder's rules: what the live recorder took is taken, what it refused is refused."""

    def __init__(self, source: Path, note: EpisodeNote, cell: Cell) -> None:
        """DataError for a bag of another robot, another task or other cameras."""
        self._reader, self._note, self._cell = BagReader(source), note, cell
        meta, task = note.episode, cell.task
        robot = "point" if cell.arm is None else cell.arm.name
        for key, here, there in (
            ("robot", robot, meta.robot),
            ("task", task.name, meta.task),
            ("dt_s", task.dt_s, meta.dt_s),
        ):
            if here != there:
                raise DataError(f"{source}: {key}={there} of the bag must be {here}")
        cameras = {camera.name: camera for camera in task.cameras}
        if unknown := [camera.name for camera in meta.cameras if camera.name not in cameras]:
            raise DataError(
                f"{source}: camera {unknown[0]} must be one of task {task.name}: {', '.join(cameras)}"
            )
        self._cameras = {
            topic: (name, cameras[name].latency_s)
            for name, topic in note.topics.cameras.items()
            if name in cameras
        }
        self._sizes = {camera.name: (camera.height, camera.width) for camera in meta.cameras}
        self.meta = meta

    def fill(self, writer: EpisodeWriter) -> Ending:
        """Add everything to an episode."""
        note, decode, looks = self._note, Decoder(), JointLooks(self._cell)
        joint_topics = set(note.topics.joint_states)
        steps, pictures, refused = 0, dict.fromkeys(self._sizes, 0), looks.refused

        def add(samples: Iterator[Any]) -> None:
            for sample in samples:
                writer.add_joints(sample.positions_rad, sample.gripper_m, sample.stamp_s, sample.arrival_s)

        wanted = {note.topics.steps, *joint_topics, *self._cameras, note.topics.chunks} - {""}
        for message in self._reader.messages(wanted):
            name, arrival_s = message.topic.name, (message.log_ns - note.steady_offset_ns) / _NANOSECONDS
            msg = decode(message)
            if name in joint_topics:
                add(looks.take(message, msg, arrival_s, self._ros_s(message)))
                continue
            add(looks.end_of_look())
            if name == note.topics.steps:
                writer.add_step(_step(message, msg))
                steps += 1
                continue
            if name == note.topics.chunks:
                try:
                    writer.add_chunk(to_chunk_record(msg, arrival_s))
                except ShapeError as error:
                    refused.append(str(error))
                continue
            camera, latency_s = self._cameras[name]
            try:
                self._add_picture(writer, camera, latency_s, message, msg, arrival_s)
                pictures[camera] += 1
            except (EncodingError, ShapeError) as error:
                refused.append(f"camera {camera}: {error}")
        add(looks.end_of_look())
        remarks = [] if steps else ["no control step, so nothing to train on"]
        remarks += [f"camera {camera}: no picture" for camera, count in pictures.items() if not count]
        remarks += [f"{len(refused)} samples refused, the first: {refused[0]}"] if refused else []
        outcome, score = _ending(self._reader.notes.get(END_NOTE, {}), str(self._reader.source))
        return Ending(outcome, score, "; ".join([*remarks, *self._reader.remarks()]))

    def _add_picture(
        self,
        writer: EpisodeWriter,
        camera: str,
        latency_s: float,
        message: BagMessage,
        msg: Any,
        arrival_s: float,
    ) -> None:
        image, stamp_s = to_picture(message, msg), seconds(msg.header.stamp)
        if objection := picture_ahead(stamp_s, latency_s, self._ros_s(message)):
            raise EncodingError(objection)
        writer.add_frame(camera, fit(image, *self._sizes[camera]), stamp_s, arrival_s)

    def _ros_s(self, message: BagMessage) -> float:
        """Return the ROS time at which a message came; infinite where nobody knows, or asks any more."""
        known = not (self._note.chosen or self._note.use_sim_time)
        return message.log_ns / _NANOSECONDS if known else np.inf


def _step(message: BagMessage, msg: Any) -> Any:
    try:
        return to_step_record(msg)
    except AttributeError as error:
        raise DataError(f"{message}: {message.topic.type.name} has no field {error.name}") from error


def _ending(said: Mapping[str, str], source: str) -> tuple[OutcomeName, float | None]:
    outcome, score = said.get("outcome", "unknown"), said.get("score", "null")
    if outcome not in get_args(OutcomeName):
        raise DataError(f"{source}: outcome={outcome!r} must be one of: {', '.join(get_args(OutcomeName))}")
    return outcome, json.loads(score)  # type: ignore[return-value]
