"""The trainer as a ROS node: records episodes, runs them as an action, supervises the training worker."""

import sys
import time
from functools import partial
from typing import Any

from drift_control.robot.joint_states import JointStateMerger
from drift_control.robot.robot import load_robot
from drift_core.data.cutter import LabelCounter, WindowCutter
from drift_core.episodes import EpisodeStore, Excerpts
from drift_core.errors import EncodingError, ShapeError
from drift_core.messages.chunks import to_chunk_record
from drift_core.messages.steps import to_step_record
from drift_core.task import load_task
from drift_formats.bags.episode_notes import EpisodeTopics
from drift_formats.bags.recorder import BagRecorder
from drift_formats.bags.repair import broken_off_bags
from drift_interfaces.msg import ActionChunk, Step
from drift_ros import qos
from drift_ros.camera_input import CameraInput
from drift_ros.clock import ros_s, steady_clock, steady_s, to_seconds
from drift_ros.diagnostics import OK, WARN, Diagnostics, Report
from drift_ros.input_watch import JOINTS, camera_source
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.parameters import load_parameters
from drift_ros.raw import subscribe
from drift_ros.run import run_node
from drift_ros.statistics import EventRate
from rclpy.node import Node
from rclpy.serialization import deserialize_message

from trainer_node.config import TrainerConfig
from trainer_node.excerpts import ExcerptTap, history_s
from trainer_node.jobs import Jobs
from trainer_node.label_count import LOOK_S, LabelWatch
from trainer_node.recorder import CHUNKS, Recorder
from trainer_node.ros.episode_bag import EpisodeBag, full_names
from trainer_node.ros.hand_out import serve_checkpoints, serve_episodes
from trainer_node.ros.run_episode import EpisodeServer
from trainer_node.ros.train import BEHIND_S, TrainServer
from trainer_node.worker_process import WorkerProcess, worker_command, worker_environment

_STEPS, _CHUNKS = "gate/step", "action_chunk"
_JOINTS_S = 0.01  # between two recorded joint states, at least
_JOINTS_TIMEOUT_S = 0.5  # a state in which an arm's joint is older is not recorded
_TICK_S = 0.05  # of the timer that moves episodes and training on
_WORKER_STOP_S = 0.6
_HANDING_OUT_NICENESS = 10  # of files, to other machines: recording comes first


class TrainerNode(Node):
    """Callbacks only hand on what arrives; one timer moves the episode and the training round on."""

    def __init__(self) -> None:
        super().__init__("trainer")
        config = load_parameters(self, TrainerConfig)
        further = full_names(self, "bag_topics", config.bag_topics)
        robot, task = load_robot(config.robot_file), load_task(config.task_file)
        store = EpisodeStore(config.episode_folder)
        self._claim = store.claim()
        for episode_id in store.set_aside_parts():
            self._warn(f"episode {episode_id} was broken off")
        if waiting := store.quarantine.entries():
            names = ", ".join(path.name for path in waiting)
            self._warn(f"in quarantine: {names}; `drift data repair {store.root}` makes whole what can be")
        excerpts = Excerpts(store)
        excerpts.clear()  # of episodes that were broken off
        self._labels = LabelCounter(store, WindowCutter(store, robot, task))
        self._jobs = Jobs(2, self.get_logger().error)
        self._stopping = False
        watch = LabelWatch(self._labels, self._jobs.run, self._warn, lambda: self._stopping)
        watch.look()
        self.create_timer(LOOK_S, watch.look, clock=steady_clock())
        self._recorder = Recorder(
            config.episode_folder,
            1.0 / config.control_rate_hz,
            self._warn,
            task.latency_s,
            config.input_timeout_s,
            ExcerptTap(excerpts, history_s(task), self._jobs.run, self._warn),
            config.image_encoding(),
            config.image_encoders,
        )
        self._joints = JointStateMerger(robot.config)
        self._worker = WorkerProcess(
            worker_command(config.job()), worker_environment(), config.restarts(), self._warn
        )
        self._worker.start()  # it imports torch for seconds
        self._step_rate = EventRate(1.0)

        self._cameras = {
            camera.name: CameraInput(camera, config.image_transport, self._warn, qos.RECORDED_DEPTH)
            for camera in task.cameras
        }
        self._bag = None
        if config.record_bag:
            self._bag = self._make_bag(config, robot.config.joint_state_topics, further)
        for name, source in self._cameras.items():
            subscribe(self, source.message_type, source.topic, partial(self._on_image, name), source.qos)
        tap = None if self._bag is None else self._bag.put_joints
        self._joint_topics = JointStateTopics(self, robot.config.joint_state_topics, tap)
        self.create_timer(_JOINTS_S, self._look_at_joints, clock=steady_clock())
        subscribe(self, Step, _STEPS, self._on_step, qos.PROVENANCE)
        subscribe(self, ActionChunk, _CHUNKS, self._on_chunk, qos.CHUNKS)
        self._episodes = EpisodeServer(
            self,
            robot.config.name,
            task,
            config.timing(),
            self._recorder,
            self._labels,
            excerpts,
            self._jobs,
            self._bag,
        )
        self._rounds = TrainServer(self, self._worker)
        self._handing_out = Jobs(1, self.get_logger().error, _HANDING_OUT_NICENESS)
        serve_checkpoints(self, config.checkpoint_folder, self._handing_out)
        serve_episodes(self, store, self._handing_out)
        self._diagnostics = Diagnostics(self, self._report)
        self.create_timer(_TICK_S, self._on_tick, clock=steady_clock())

    def _make_bag(
        self, config: TrainerConfig, joint_topics: tuple[str, ...], further: list[str]
    ) -> EpisodeBag:
        full = self.resolve_topic_name
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
        return EpisodeBag(self, recorder, topics, further, self._warn)

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
        stamp_s, now_s = to_seconds(msg.header.stamp), ros_s(self.get_clock())
        self._recorder.put_frame(camera, image, stamp_s, arrival_s, now_s)

    def _look_at_joints(self) -> None:
        for message in self._joint_topics.take():
            news = self._joints.merge(message, ros_s(self.get_clock()))
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

    def _on_tick(self) -> None:
        self._rounds.tick()
        self._episodes.tick(self._step_rate.hz(steady_s()))

    def begin_stop(self) -> None:
        """Stop the arm if an episode runs, and the worker; the run loop spins on until `stopped`."""
        self._stopping = True
        self._episodes.refuse("the trainer is being stopped")
        self._episodes.cancel()
        self._worker.quit()

    def stopped(self) -> bool:
        """Whether the arm was told to stop and the open episode is dropped."""
        return not self._episodes.running

    def destroy_node(self) -> None:
        """End the worker, drop an open episode, finish one that is being written."""
        self._stopping = True
        self._worker.stop(_WORKER_STOP_S)
        self._recorder.abort()
        self._jobs.close()
        self._handing_out.close()
        if self._bag is not None:
            self._bag.close()
        self._claim.close()
        super().destroy_node()

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    def _report(self) -> Report:
        counts, newest = self._recorder.counts, self._rounds.newest
        lost = counts.missed_steps + counts.refused
        trouble = [f"{lost} samples of this episode lost"] if lost else []
        trouble += self._recorder.watch.missing(steady_s()) if self._recorder.recording else []
        trouble += [text for text in (self._recorder.trouble, self._recorder.slow) if text]
        left_out = 0 if self._bag is None else self._bag.left_out
        trouble += [f"{left_out} messages left out of this episode's bag"] if left_out else []
        trouble += ["no training worker"] if self._worker.pid is None else []
        backlog = self._rounds.backlog
        if backlog.behind_s > BEHIND_S:
            waiting = f"{backlog.labels} labels wait, none is dropped"
            trouble.append(f"training is {backlog.behind_s:.0f} s behind: {waiting}")
        return Report(
            WARN if trouble else OK,
            "; ".join(trouble),
            {
                "episode": self._episodes.status,
                "control_rate_hz": self._step_rate.hz(steady_s()),
                "late_steps": counts.late_steps,
                "missed_steps": counts.missed_steps,
                "refused_samples": counts.refused,
                "bag_messages_left_out": left_out,
                "episodes_in_store": self._labels.episodes,
                "expert_labels_in_store": self._labels.total,
                "training": self._rounds.status,
                "training_backlog_labels": backlog.labels,
                "training_behind_s": backlog.behind_s,
                "training_steps_per_label": backlog.steps_per_label,
                "checkpoint_version": 0 if newest is None else newest.version,
                "checkpoint_age_s": 0.0 if newest is None else time.time() - newest.created_s,
            },
        )


def main() -> int:
    """Run the trainer until it is told to stop; see `run_node` for exit codes."""
    return run_node(TrainerNode)


if __name__ == "__main__":
    sys.exit(main())
