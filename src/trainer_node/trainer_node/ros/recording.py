"""What a node needs to record: inputs, episodes as an action, bags, and the store for who follows it."""

from functools import partial
from typing import Any

from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import Robot
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeStore, Excerpts
from drift_core.errors import EncodingError, ShapeError
from drift_core.messages.chunks import to_chunk_record
from drift_core.messages.steps import to_step_record
from drift_core.task import TaskConfig
from drift_formats.bags.episode_notes import EpisodeTopics
from drift_formats.bags.recorder import BagRecorder
from drift_formats.bags.repair import broken_off_bags
from drift_interfaces.msg import ActionChunk, Step
from drift_ros import qos
from drift_ros.camera_input import CameraInput
from drift_ros.clock import ros_s, steady_clock, steady_s, to_seconds
from drift_ros.input_watch import JOINTS, camera_source
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.raw import subscribe
from drift_ros.statistics import EventRate
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from trainer_node.config import TrainerConfig
from trainer_node.excerpts import ExcerptTap, history_s
from trainer_node.jobs import Jobs
from trainer_node.label_count import LOOK_S, LabelWatch
from trainer_node.recorder import CHUNKS, Recorder
from trainer_node.ros.episode_bag import EpisodeBag, full_names
from trainer_node.ros.hand_out import serve_episodes
from trainer_node.ros.run_episode import EpisodeServer

_STEPS, _CHUNKS = "gate/step", "action_chunk"
_JOINTS_S = 0.01  # between two recorded joint states, at least
_JOINTS_TIMEOUT_S = 0.5  # a state in which an arm's joint is older is not recorded


class Recording:
    """Callbacks only hand on what arrives; `tick`, called by a timer, moves the episode on."""

    def __init__(
        self,
        node: Node,
        config: TrainerConfig,
        robot: Robot,
        task: TaskConfig,
        store: EpisodeStore,
        jobs: Jobs,
        handing_out: Jobs,
    ) -> None:
        """`store` must be claimed; `jobs` writes to it, `handing_out`, one thread, reads for others."""
        self._node, self._warn = node, node.get_logger().warning
        further = full_names(node, "bag_topics", config.bag_topics)
        for episode_id in store.set_aside_parts():
            self._warn(f"episode {episode_id} was broken off")
        if waiting := store.quarantine.entries():
            names = ", ".join(path.name for path in waiting)
            self._warn(f"in quarantine: {names}; `drift data repair {store.root}` makes whole what can be")
        excerpts = Excerpts(store)
        excerpts.clear()  # of episodes that were broken off
        self._labels = LabelCounter(store, WindowCutter(store, robot, task))
        self._stopping = False
        watch = LabelWatch(self._labels, jobs.run, self._warn, lambda: self._stopping)
        watch.look()
        node.create_timer(LOOK_S, watch.look, clock=steady_clock())
        self._recorder = Recorder(
            config.episode_folder,
            1.0 / config.control_rate_hz,
            self._warn,
            task.latency_s,
            config.input_timeout_s,
            ExcerptTap(excerpts, history_s(task), jobs.run, self._warn),
            config.image_encoding(),
            config.image_encoders,
        )
        self._joints = JointStateMerger(robot.config)
        self._step_rate = EventRate(1.0)
        self._cameras = {
            camera.name: CameraInput(camera, config.image_transport, self._warn, qos.RECORDED_DEPTH)
            for camera in task.cameras
        }
        self._bag = None
        if config.record_bag:
            self._bag = self._make_bag(config, robot.config.joint_state_topics, further)
        for name, source in self._cameras.items():
            subscribe(node, source.message_type, source.topic, partial(self._on_image, name), source.qos)
        tap = None if self._bag is None else self._bag.put_joints
        self._joint_topics = JointStateTopics(node, robot.config.joint_state_topics, tap)
        node.create_timer(_JOINTS_S, self._look_at_joints, clock=steady_clock())
        subscribe(node, Step, _STEPS, self._on_step, qos.PROVENANCE)
        subscribe(node, ActionChunk, _CHUNKS, self._on_chunk, qos.CHUNKS)
        self._episodes = EpisodeServer(
            node,
            robot.config.name,
            task,
            config.timing(),
            self._recorder,
            self._labels,
            excerpts,
            jobs,
            self._bag,
        )
        serve_episodes(node, store, handing_out)

    def tick(self) -> None:
        """Move the running episode on."""
        self._episodes.tick(self._step_rate.hz(steady_s()))

    @property
    def running(self) -> bool:
        """Whether an episode is under way."""
        return self._episodes.running

    def begin_stop(self) -> None:
        """Stop the arm if an episode runs, and run no other."""
        self._stopping = True
        self._episodes.refuse("the trainer is being stopped")
        self._episodes.cancel()

    def abort(self) -> None:
        """Drop an open episode."""
        self._stopping = True
        self._recorder.abort()

    def close(self) -> None:
        """Finish a bag that is being written; after the jobs."""
        if self._bag is not None:
            self._bag.close()

    def trouble(self) -> list[str]:
        """Return in words what is wrong."""
        recorder, counts = self._recorder, self._recorder.counts
        lost = counts.missed_steps + counts.refused
        trouble = [f"{lost} samples of this episode lost"] if lost else []
        trouble += recorder.watch.missing(steady_s()) if recorder.recording else []
        trouble += [text for text in (recorder.trouble, recorder.slow) if text]
        return trouble + (
            [f"{self._left_out} messages left out of this episode's bag"] if self._left_out else []
        )

    def values(self) -> dict[str, object]:
        """Return what diagnostics say of it."""
        counts = self._recorder.counts
        return {
            "episode": self._episodes.status,
            "control_rate_hz": self._step_rate.hz(steady_s()),
            "late_steps": counts.late_steps,
            "missed_steps": counts.missed_steps,
            "refused_samples": counts.refused,
            "bag_messages_left_out": self._left_out,
            "episodes_in_store": self._labels.episodes,
            "expert_labels_in_store": self._labels.total,
        }

    @property
    def _left_out(self) -> int:
        return 0 if self._bag is None else self._bag.left_out

    def _make_bag(
        self, config: TrainerConfig, joint_topics: tuple[str, ...], further: list[str]
    ) -> EpisodeBag:
        full = self._node.resolve_topic_name
        topics = EpisodeTopics(
            steps=full(_STEPS),
            joint_states=tuple(map(full, joint_topics)),
            cameras={name: full(source.topic) for name, source in self._cameras.items()},
            chunks=full(_CHUNKS),
        )
        further = [name for name in further if name != topics.chunks]  # which comes by itself
        for folder in broken_off_bags(config.bag_folder):
            self._warn(f"bag {folder} was broken off: drift data repair {folder} makes it whole")
        recorder = BagRecorder(
            config.bag_folder,
            self._warn,
            int(config.bag_queue_mb * 2**20),
            pressed=lambda: self._recorder.pressed,
        )
        return EpisodeBag(self._node, recorder, topics, further, self._warn)

    def _on_image(self, camera: str, raw: bytes, info: dict[str, Any]) -> None:
        if not self._recorder.recording:
            return
        arrival_s, source = steady_s(), self._cameras[camera]
        if self._bag is not None:
            self._bag.put(source.topic, source.message_type, raw, info, arrival_s)
        msg = deserialize_message(raw, source.message_type)
        try:
            image = source.picture(msg)
        except EncodingError as error:
            self._recorder.refuse(camera_source(camera), str(error))
            return
        stamp_s, now_s = to_seconds(msg.header.stamp), ros_s(self._node.get_clock())
        self._recorder.put_frame(camera, image, stamp_s, arrival_s, now_s)

    def _look_at_joints(self) -> None:
        for message in self._joint_topics.take():
            news = self._joints.merge(message, ros_s(self._node.get_clock()))
            if trouble := self._joints.trouble(message.arrival_s, _JOINTS_TIMEOUT_S):
                self._recorder.refuse(JOINTS, trouble)
            elif news and (now := self._joints.reading) is not None:
                self._recorder.put_joints(now.positions_rad, now.gripper_m, now.stamp_s, now.arrival_s)

    def _on_step(self, raw: bytes, info: dict[str, Any]) -> None:
        now_s = steady_s()
        if self._bag is not None:
            self._bag.put(_STEPS, Step, raw, info, now_s)
        self._step_rate.add(now_s)
        self._recorder.put_step(to_step_record(deserialize_message(raw, Step)), now_s)

    def _on_chunk(self, raw: bytes, info: dict[str, Any]) -> None:
        if not self._recorder.recording:
            return
        now_s = steady_s()
        if self._bag is not None:
            self._bag.put(_CHUNKS, ActionChunk, raw, info, now_s)
        try:
            chunk = to_chunk_record(deserialize_message(raw, ActionChunk), now_s)
        except ShapeError as error:
            self._recorder.refuse(CHUNKS, str(error))
        else:
            self._recorder.put_chunk(chunk)
