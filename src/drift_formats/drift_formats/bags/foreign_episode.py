"""Somebody else's bag as one demonstration, by a map of its topics."""

import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from drift_control.inputs import JointMessage
from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.pose import pose_to_action
from drift_core.episodes import EpisodeMeta, EpisodeWriter, StepRecord, StepSource
from drift_core.errors import DataError, EncodingError
from drift_core.messages.steps import seconds
from drift_core.observation.fit import fit

from drift_formats.bags.commands import ArmCommands, opening_of
from drift_formats.bags.decoding import Decoder
from drift_formats.bags.joint_looks import ARM_TIMEOUT_S
from drift_formats.bags.pictures import to_picture
from drift_formats.bags.reader import BagReader
from drift_formats.bags.storages import BagMessage
from drift_formats.bags.topic_map import TopicMap
from drift_formats.format import Cell, Ending

_JOINTS = "sensor_msgs/msg/JointState"
_OUTSIDE = re.compile(r"[^A-Za-z0-9_.-]")
_BEYOND_RAD = 0.35  # beyond its limits no joint was measured: a unit is wrong
_JUMP_NS = 1_000_000_000
_NANOSECONDS = 1_000_000_000


class ForeignEpisode:
    """One bag: pictures and joints as they came, each command as a control step of the expert."""

    def __init__(self, source: Path, topics: TopicMap, cell: Cell) -> None:
        """DataError for a map that does not fit the task, or the bag."""
        if cell.arm is None:
            raise DataError(f"{source}: task {cell.task.name} has no arm, a bag of others needs one")
        self._reader, self._map, self._cell, self._robot = BagReader(source), topics, cell, cell.arm
        self._cameras = {camera.name: camera for camera in cell.task.cameras}
        if set(topics.cameras) != set(self._cameras):
            raise DataError(
                f"--map: cameras={sorted(topics.cameras)} must be those of task {cell.task.name}: "
                f"{sorted(self._cameras)}"
            )
        for key in ("joint_states", "command"):
            if not getattr(topics, key):
                raise DataError(f"--map: {key} must be said for {source}")
        named = [*topics.cameras.values(), *topics.joint_states, topics.command, topics.gripper_command]
        if twice := [topic for topic, count in Counter(filter(None, named)).items() if count > 1]:
            raise DataError(f"--map: topic {twice[0]} is named for two things")
        self._camera_of = {topic: name for name, topic in topics.cameras.items()}
        self._wanted = {*self._camera_of, *topics.joint_states, topics.command}
        self._wanted |= {topics.gripper_command} - {""}
        there = self._reader.topics()
        if missing := sorted(self._wanted - set(there)):
            raise DataError(f"{source}: has no topic {', '.join(missing)}; it has {', '.join(sorted(there))}")
        path = source.resolve()
        name = path.name if path.is_dir() else path.stem
        name = _OUTSIDE.sub("_", name).lstrip("_.-")[:90] or "bag"
        self.meta = EpisodeMeta(
            id=f"{name}_{self._reader.sha256()[:8]}",  # many bags are named alike, like rosbag2's first file
            robot=cell.arm.name,
            task=cell.task.name,
            seed=0,
            kind="demonstration",
            cameras=cell.task.camera_specs,
            dt_s=cell.task.dt_s,
            started_s=self._reader.started_s,
            drift_version=f"{version('drift_core')} (from rosbag2)",
        )

    def fill(self, writer: EpisodeWriter) -> Ending:
        """Add everything to an episode."""
        reading = _Reading(self._robot, self._map, writer)
        decode = Decoder(self._map.definitions)
        for message in self._reader.messages(self._wanted):
            reading.tick(message)
            msg, name = decode(message), message.topic.name
            if name in self._map.joint_states:
                reading.joints(message, msg)
            elif (camera := self._camera_of.get(name)) is not None:
                spec = self._cameras[camera]
                reading.picture(camera, (spec.height, spec.width), message, msg)
            elif name == self._map.gripper_command:
                reading.gripper(message, opening_of(message, msg, self._robot, self._map.joints))
            else:
                reading.command(message, msg, self._cell.task.action_space)
        remarks = [*reading.remarks(self._wanted), *self._reader.remarks()]
        return Ending(self._map.outcome, None, "; ".join(remarks))


class _Reading:
    """What has been read so far, on a steady clock that goes on where the log's was set back."""

    def __init__(self, robot: Any, topics: TopicMap, writer: EpisodeWriter) -> None:
        self._robot, self._writer, self._action = robot, writer, ArmCommands(robot, topics.joints)
        self._ours = {theirs: ours for ours, theirs in topics.joints.items()}
        self._merger = JointStateMerger(robot.config)
        self._gripper_m: float | None = None  # as told
        self._measured: np.ndarray | None = None  # (J + 1,)
        self._taken: Counter[str] = Counter()  # by topic
        self._refused: Counter[str] = Counter()  # by why
        self._seq = self._unstamped = self._shift_ns = self._newest_ns = 0
        self._jumps: list[float] = []  # [s]

    def tick(self, message: BagMessage) -> None:
        """Notice where the clock of the log was set back."""
        back_ns = self._newest_ns - message.log_ns
        if back_ns > _JUMP_NS:
            self._jumps.append(back_ns / _NANOSECONDS)
            self._shift_ns += back_ns
        if back_ns > _JUMP_NS or back_ns < 0:
            self._newest_ns = message.log_ns

    def joints(self, message: BagMessage, msg: Any) -> None:
        if (kind := message.topic.type.name) != _JOINTS:
            raise DataError(f"{message.topic}: {kind} must be {_JOINTS}")
        names = [self._ours.get(name, name) for name in msg.name]
        stamp_s, arrival_s = self._stamp_s(message, msg), self._arrival_s(message)
        news = self._merger.merge(JointMessage(names, msg.position, stamp_s, arrival_s), np.inf)
        if trouble := self._merger.trouble(arrival_s, ARM_TIMEOUT_S):
            self._refused[f"joint states: {trouble}"] += 1
        elif news and (now := self._merger.reading) is not None:
            self._check_range(message, now.positions_rad)
            self._measured = np.append(now.positions_rad, now.gripper_m)
            self._writer.add_joints(now.positions_rad, now.gripper_m, now.stamp_s, now.arrival_s)
            self._taken[message.topic.name] += 1

    def _check_range(self, message: BagMessage, q: np.ndarray) -> None:
        beyond = (q < self._robot.low - _BEYOND_RAD) | (q > self._robot.high + _BEYOND_RAD)
        if beyond.any():
            at = int(beyond.argmax())
            which = f"{self._robot.config.joint_names[at]} at {q[at]:.4g}"
            raise DataError(f"{message}: {which} is beyond its limits: in degrees, or another joint")

    def picture(self, camera: str, size: tuple[int, int], message: BagMessage, msg: Any) -> None:
        try:
            image = fit(to_picture(message, msg), *size)
        except EncodingError as error:
            self._refused[f"camera {camera}: {error}"] += 1
            return
        self._writer.add_frame(camera, image, self._stamp_s(message, msg), self._arrival_s(message))
        self._taken[message.topic.name] += 1

    def gripper(self, message: BagMessage, opening_m: float) -> None:
        self._gripper_m = opening_m
        self._taken[message.topic.name] += 1

    def command(self, message: BagMessage, msg: Any, action_space: str) -> None:
        measured, gripper_m = self._measured, self._gripper_m
        if measured is None:
            self._refused["commands before the first joint state"] += 1
            return
        gripper_m = float(measured[-1]) if gripper_m is None else gripper_m
        told = self._action.joints(message, msg)
        commanded, after_s = (None, 0.0) if told is None else (np.append(told[0], gripper_m), told[1])
        if action_space == "joint_position":
            if commanded is None:
                raise DataError(f"{message.topic}: poses do not tell joint positions, as the task needs them")
            action = commanded
        elif told is None:
            action = self._action.action(message, msg, gripper_m)
        else:
            action = pose_to_action(self._robot.forward(told[0]), gripper_m)
        self._seq += 1
        self._taken[message.topic.name] += 1
        step = StepRecord(
            stamp_s=self._stamp_s(message, msg) + after_s,
            seq=self._seq,
            source=int(StepSource.EXPERT),
            epoch=0,
            intervention_id=1,
            chunk_id=0,
            policy_version=0,
            chunk_age_s=-1.0,
            commanded=commanded,
            measured=measured,
            action=action,
            guard_flags=0,
        )
        self._writer.add_step(step)

    def remarks(self, wanted: set[str]) -> list[str]:
        """Return what is lost, or was assumed."""
        said = [f"{why}: {count} times" for why, count in self._refused.most_common(5)]
        nothing = sorted(topic for topic in wanted if not self._taken[topic])
        said += [f"topic {topic}: nothing of it is in the episode" for topic in nothing]
        said += [f"the clock was set back by {back_s:.1f} s" for back_s in self._jumps]
        if cut := self._action.cut:
            said.append(f"{cut} trajectories of several points: the first of each is taken")
        if self._unstamped:
            said.append(f"{self._unstamped} messages without a stamp: their arrival stands for it")
        return said

    def _arrival_s(self, message: BagMessage) -> float:
        return (message.log_ns + self._shift_ns) / _NANOSECONDS

    def _stamp_s(self, message: BagMessage, msg: Any) -> float:
        stamp = getattr(getattr(msg, "header", None), "stamp", None)
        if stamp is not None and (stamp.sec or stamp.nanosec):
            return seconds(stamp)
        self._unstamped += 1
        return message.log_ns / _NANOSECONDS
