"""Episodes as bags: pictures, joints and control steps as messages, with their stamps and arrivals."""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass as plain_dataclass
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from drift_config.strict import STRICT
from drift_core.episodes import Chunks, Episode, EpisodeMeta, Frames, ImageEncoding, Joints, StepRecord
from drift_core.messages.chunks import ACTION_SPACES
from pydantic.dataclasses import dataclass

from drift_formats.bags.episode_notes import END_NOTE, EPISODE_NOTE, OPENING, EpisodeNote, EpisodeTopics
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Qos, Topic
from drift_formats.bags.open_bag import Message
from drift_formats.bags.serializing import Serializer, nanoseconds_of
from drift_formats.bags.writer import BagWriter
from drift_formats.format import Cell

_IMAGE, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_JOINTS, _STEP = "sensor_msgs/msg/JointState", "drift_interfaces/msg/Step"
_CHUNK = "drift_interfaces/msg/ActionChunk"
_SPACES = {name: number for number, name in ACTION_SPACES.items()}
_NANOSECONDS = 1_000_000_000
_PNG = ImageEncoding("png")


@dataclass(frozen=True, config=STRICT)
class ExportOptions:
    """How bags are written."""

    images: Literal["raw", "png"] = "raw"
    """raw: sensor_msgs/Image, rgb8; png: CompressedImage on the topic's /compressed"""
    compression: Literal["none", "lz4", "zstd"] = "zstd"
    """of the chunks of the file"""


def export_bags(
    episodes: Iterable[tuple[Cell, Episode]], folder: Path, options: ExportOptions, say: Callable[[str], None]
) -> None:
    """Write a bag for each episode below `folder`, under its id; `say` is told what is lost."""
    serializer = Serializer(_IMAGE, _COMPRESSED, _JOINTS, _STEP, _CHUNK)
    for cell, episode in episodes:
        export = _Export(serializer, cell, episode, options)
        writer = BagWriter(folder / episode.meta.id, compression=options.compression)
        try:
            export.write(writer)
        finally:
            writer.abandon()
        if losses := export.losses():
            say(f"{episode.meta.id}: {'; '.join(losses)}")


@plain_dataclass(frozen=True, eq=False)
class _Export:
    """One episode, and how it becomes messages."""

    serializer: Serializer
    cell: Cell
    episode: Episode
    options: ExportOptions

    def write(self, writer: BagWriter) -> None:
        """Write all of it."""
        meta = self.episode.meta
        cameras = {camera.name: self._camera_topic(camera.name) for camera in meta.cameras}
        chunks = "" if self.episode.chunks is None else "/action_chunk"
        topics = EpisodeTopics("/gate/step", ("/joint_states",), cameras, chunks)
        offset_ns = self._offset_ns()
        note = EpisodeNote(_at_the_beginning(meta), topics, offset_ns, chosen=True)
        writer.note(EPISODE_NOTE, note.record())
        sources = [self._frames(name, cameras[name], offset_ns) for name in cameras]
        sources += [self._joints(topics.joint_states[0], offset_ns), self._steps(topics.steps)]
        sources += [self._chunks(chunks, self.episode.chunks, offset_ns)] if self.episode.chunks else []
        for topic in filter(None, (*cameras.values(), *topics.joint_states, topics.steps, chunks)):
            writer.declare(self._topic(topic))
        for _, message in heapq.merge(*map(_by_newest, sources), key=lambda pair: pair[0]):
            writer.write(message.topic, message.data, message.log_ns, message.publish_ns, message.sequence)
        end = {"outcome": meta.outcome, "score": json.dumps(meta.score)}
        writer.note(END_NOTE, end)
        writer.close(end)

    def losses(self) -> list[str]:
        """Return what the bag does not carry."""
        known, steps = {"stamp_s", *self.serializer.fields(_STEP)}, self.episode.steps
        lost = [field.name for field in fields(StepRecord) if field.name not in known]
        said = [f"no field of Step for {', '.join(lost)}"] if lost else []
        rewards = self.episode.rewards
        said += [f"no message for {len(rewards)} rewards of steps"] if rewards else []
        rounded = int((steps.chunk_age_s != steps.chunk_age_s.astype(np.float32)).sum())
        said += [f"chunk_age_s of {rounded} steps rounded to float32"] if rounded else []
        stamps = np.concatenate([steps.stamp_s, *(source.stamp_s for source in self._samples())])
        if (chunks := self.episode.chunks) is not None:
            rounded = int((chunks.inference_ms != chunks.inference_ms.astype(np.float32)).sum())
            said += [f"inference_ms of {rounded} chunks rounded to float32"] if rounded else []
            stamps = np.concatenate([stamps, chunks.stamp_s, chunks.oldest_input_s])
        inexact = sum(nanoseconds_of(t) // 10**9 + nanoseconds_of(t) % 10**9 / 10**9 != t for t in stamps)
        return said + ([f"{inexact} stamps rounded to nanoseconds"] if inexact else [])

    def _offset_ns(self) -> int:
        """Return what makes of an arrival the log time: the first sample then arrives as it is stamped."""
        first = [(each.arrival_s[0], each.stamp_s[0]) for each in self._samples() if len(each)]
        if not first:
            return 0
        arrival_s, stamp_s = min(first)
        return nanoseconds_of(stamp_s) - nanoseconds_of(arrival_s)

    def _samples(self) -> list[Joints | Frames]:
        return [self.episode.joints, *self.episode.frames.values()]

    def _frames(self, camera: str, name: str, offset_ns: int) -> Iterator[Message]:
        frames, topic = self.episode.frames[camera], self._topic(name)
        for index, (stamp_s, arrival_s) in enumerate(zip(frames.stamp_s, frames.arrival_s, strict=True)):
            image = frames.image(index)
            header = self.serializer.header(stamp_s, camera)
            if self.options.images == "png":
                data = np.frombuffer(_PNG.encode(image), np.uint8)
                form = "rgb8; png compressed bgr8"
                coded = self.serializer.bytes(_COMPRESSED, header=header, format=form, data=data)
            else:
                height, width, _ = image.shape
                coded = self.serializer.bytes(
                    _IMAGE,
                    header=header,
                    height=height,
                    width=width,
                    encoding="rgb8",
                    is_bigendian=0,
                    step=3 * width,
                    data=image.reshape(-1),
                )
            log_ns = nanoseconds_of(arrival_s) + offset_ns
            yield Message(topic, coded, log_ns, nanoseconds_of(stamp_s), index + 1)

    def _joints(self, name: str, offset_ns: int) -> Iterator[Message]:
        joints, topic, arm = self.episode.joints, self._topic(name), self.cell.arm
        none = np.zeros(0)
        names = [f"axis_{n}" for n in range(joints.positions_rad.shape[1])]
        if arm is not None:
            names = [*arm.config.joint_names, *arm.config.gripper.joints]
        columns = zip(joints.stamp_s, joints.arrival_s, joints.positions_rad, joints.gripper_m, strict=True)
        for index, (stamp_s, arrival_s, q, gripper_m) in enumerate(columns):
            fingers = [] if arm is None else arm.config.gripper.positions(gripper_m)
            coded = self.serializer.bytes(
                _JOINTS,
                header=self.serializer.header(stamp_s),
                name=[*names, OPENING],
                position=np.array([*q, *fingers, gripper_m]),
                velocity=none,
                effort=none,
            )
            log_ns = nanoseconds_of(arrival_s) + offset_ns
            yield Message(topic, coded, log_ns, nanoseconds_of(stamp_s), index + 1)

    def _steps(self, name: str) -> Iterator[Message]:
        steps, topic = self.episode.steps, self._topic(name)
        names = [field for field in self.serializer.fields(_STEP) if field != "header"]
        for index, stamp_s in enumerate(steps.stamp_s):
            values = {field: _plain(getattr(steps, field)[index]) for field in names}
            coded = self.serializer.bytes(_STEP, header=self.serializer.header(stamp_s), **values)
            stamp_ns = nanoseconds_of(stamp_s)  # nobody has kept when a step arrived
            yield Message(topic, coded, stamp_ns, stamp_ns, index + 1)

    def _chunks(self, name: str, chunks: Chunks, offset_ns: int) -> Iterator[Message]:
        topic, frame = self._topic(name), "" if self.cell.arm is None else self.cell.arm.config.base_frame
        for index, stamp_s in enumerate(chunks.stamp_s):
            data, latent = chunks.data[index], chunks.latent[index]
            coded = self.serializer.bytes(
                _CHUNK,
                header=self.serializer.header(stamp_s, frame),
                id=int(chunks.id[index]),
                epoch=int(chunks.epoch[index]),
                dt=float(chunks.dt_s[index]),
                n_steps=len(data),
                dim=data.shape[1],
                data=data.ravel(),
                action_space=_SPACES.get(str(chunks.action_space[index]), 0),
                policy_version=int(chunks.policy_version[index]),
                oldest_input=self.serializer.header(chunks.oldest_input_s[index]).stamp,
                inference_ms=float(chunks.inference_ms[index]),
                sampler=str(chunks.sampler[index]),
                seed=int(chunks.seed[index]),
                latent_steps=len(latent),
                latent=latent.ravel().astype(np.float32),
            )
            log_ns = nanoseconds_of(chunks.arrival_s[index]) + offset_ns
            yield Message(topic, coded, log_ns, nanoseconds_of(stamp_s), index + 1)

    def _camera_topic(self, camera: str) -> str:
        topic = next(each.topic for each in self.cell.task.cameras if each.name == camera)
        return f"/{topic.lstrip('/')}{'/compressed' if self.options.images == 'png' else ''}"

    def _topic(self, name: str) -> Topic:
        image = _COMPRESSED if self.options.images == "png" else _IMAGE
        kind = {"/gate/step": _STEP, "/joint_states": _JOINTS, "/action_chunk": _CHUNK}.get(name, image)
        return Topic(name, installed(kind), (Qos(),))


def _at_the_beginning(meta: EpisodeMeta) -> EpisodeMeta:
    """Return a description as it was when the recording began."""
    return replace(
        meta,
        outcome="unknown",
        score=None,
        duration_s=0.0,
        policy_versions=(),
        steps=0,
        expert_steps=0,
        interventions=0,
        files=(),
        rewarded=False,
    )


def _by_newest(messages: Iterator[Message]) -> Iterator[tuple[int, Message]]:
    """Yield messages of one source with a time that never falls, so that its order is kept."""
    newest_ns = 0
    for message in messages:
        newest_ns = max(newest_ns, message.log_ns)
        yield newest_ns, message


def _plain(value: Any) -> Any:
    """Return a cell of Steps as messages take it: what is not known is empty."""
    if isinstance(value, np.ndarray):
        return np.zeros(0) if np.isnan(value).all() else value
    return value.item()
