"""A bag beside each episode: what the trainer hears as it was serialized, and further topics of the stack."""

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from drift_config.errors import ConfigError
from drift_core.episodes import EpisodeMeta, OutcomeName
from drift_core.errors import DataError
from drift_formats.bags.episode_notes import END_NOTE, EPISODE_NOTE, EpisodeNote, EpisodeTopics
from drift_formats.bags.message_types import installed
from drift_formats.bags.metadata import Qos, Topic
from drift_formats.bags.recorder import BagRecorder
from drift_ros.clock import NANOSECONDS, steady_clock, steady_s
from drift_ros.joint_state_topics import Arrived
from drift_ros.publisher_names import PublisherNames
from drift_ros.raw import subscribe
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

_LOOK_S = 1.0  # between two looks for further topics
_DEPTH = 100


def full_names(node: Node, parameter: str, names: Sequence[str]) -> list[str]:
    """Return topics by their full names; ConfigError names the parameter and what ROS does not allow."""
    full = []
    for name in names:
        try:
            full.append(node.resolve_topic_name(name))
        except RuntimeError as error:  # rclpy's RCLError, which has no public name
            why = str(error).partition(", at ")[0]
            raise ConfigError(f"{parameter}: {name!r} is no name of a topic: {why}") from error
    return full


class EpisodeBag:
    """Hand every message to the thread that writes bags; a callback costs some microseconds.

    Messages of one look at the joint states share a sequence number, from 1 on: of them only the newest of
    each publisher about the same joints went into the episode. What was heard before the episode, and matters
    to it, stands at the beginning: the newest joint states with number 0, and of each further topic that is
    latched the newest message of each publisher.
    """

    def __init__(
        self,
        node: Node,
        recorder: BagRecorder,
        topics: EpisodeTopics,
        further: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        """`topics`: of the episode, which come by `put`; `further`: full names of others."""
        self._roles = topics
        self._node, self._recorder, self._say = node, recorder, say
        self._further = list(further)  # not subscribed to yet
        self._latched: dict[tuple[str, bytes], tuple[Any, bytes, dict]] = {}  # by topic and publisher
        self._joints: dict[tuple[bytes, bytes], Arrived] = {}
        self._topics: dict[str, Topic] = {}  # of the open bag
        self._look, self._offset_ns = 0, 0
        node.create_timer(_LOOK_S, self._subscribe, clock=steady_clock())

    @property
    def left_out(self) -> int:
        """Messages that were left out of the open bag, or of the last one."""
        return self._recorder.losses.total

    def begin(self, meta: EpisodeMeta) -> None:
        """Open the bag of an episode."""
        self._topics, self._look = {}, 0
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        use_sim_time = bool(self._node.get_parameter("use_sim_time").value)
        note = EpisodeNote(meta, self._roles, self._offset_ns, chosen=False, use_sim_time=use_sim_time)
        self._recorder.begin(meta.id, {EPISODE_NOTE: note.record()})
        for heard in self._joints.values():
            self.put(heard.topic, JointState, heard.raw, heard.info, heard.arrival_s)
        for (name, _), (kind, raw, info) in self._latched.items():
            self.put(name, kind, raw, info, steady_s())

    def end(self, outcome: OutcomeName) -> None:
        """Finish the bag."""
        self._recorder.end({END_NOTE: {"outcome": outcome}})

    def drop(self) -> None:
        """Throw the open bag away, if there is one."""
        self._recorder.drop()

    def close(self) -> None:
        """Write what waits, throw an open bag away, and end the thread."""
        self._recorder.close()

    def put(
        self, name: str, kind: Any, raw: bytes, info: dict[str, Any], arrival_s: float, sequence: int = 0
    ) -> None:
        """Take a message of the topic `name` and the class `kind`; `arrival_s`: the steady time."""
        if not self._recorder.bag:
            return
        topic = self._topics.get(name) or self._describe(name, kind)
        log_ns = round(arrival_s * NANOSECONDS) + self._offset_ns
        self._recorder.put(topic, raw, log_ns, info["source_timestamp"] or log_ns, sequence)

    def put_joints(self, came: Collection[Arrived], newest: Collection[Arrived]) -> None:
        """Take what one look at the joint states has found; `newest` went into the episode."""
        self._look += 1
        for heard in came:
            self.put(heard.topic, JointState, heard.raw, heard.info, heard.arrival_s, self._look)
        for heard in newest:
            self._joints[heard.key] = heard

    def _describe(self, name: str, kind: Any) -> Topic:
        full = self._node.resolve_topic_name(name)
        publishers = self._node.get_publishers_info_by_topic(full)
        offered = dict.fromkeys(_qos(publisher.qos_profile) for publisher in publishers)
        self._topics[name] = Topic(full, installed(_name_of(kind)), tuple(offered))
        return self._topics[name]

    def _subscribe(self) -> None:
        """Subscribe to the further topics that are there by now, as their publishers offer them."""
        there: dict[str, list[str]] = {}
        for name in [name for name in self._further if self._node.count_publishers(name)]:
            there = there or dict(self._node.get_topic_names_and_types())
            self._further.remove(name)
            kind = there.get(name, [""])[0]
            try:
                message, _ = _class_of(kind), installed(kind)
            except (AttributeError, DataError, ImportError) as error:
                self._say(f"{name} is not recorded: its type {kind!r} is not installed ({error})")
                continue
            offered = [info.qos_profile for info in self._node.get_publishers_info_by_topic(name)]
            reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
            latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
            profile = QoSProfile(
                depth=_DEPTH,
                reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
                durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
            )
            subscribe(self._node, message, name, partial(self._on_message, name, message, latched), profile)

    def _on_message(self, name: str, kind: Any, latched: bool, raw: bytes, info: dict[str, Any]) -> None:
        if latched:
            self._latched[name, PublisherNames.key(info)] = (kind, raw, info)
        self.put(name, kind, raw, info, steady_s())


def _class_of(name: str) -> Any:
    package, _, kind = name.partition("/msg/")
    return getattr(import_module(f"{package}.msg"), kind)


def _name_of(kind: Any) -> str:
    return f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"


def _qos(profile: QoSProfile) -> Qos:
    return Qos(
        reliability=profile.reliability.name.lower(),
        durability=profile.durability.name.lower(),
        history=profile.history.name.lower(),
        depth=profile.depth,
        liveliness=profile.liveliness.name.lower(),
        deadline_ns=_nanoseconds(profile.deadline),
        lifespan_ns=_nanoseconds(profile.lifespan),
        lease_ns=_nanoseconds(profile.liveliness_lease_duration),
    )


def _nanoseconds(duration: Duration) -> int:
    return int(duration.nanoseconds)
