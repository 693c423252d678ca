"""The trainer as a process in a ROS graph, with a fake gate and a fake simulation around it."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml
from drift_control.robot.robot import load_robot
from drift_core.data.cutter import WindowCutter
from drift_core.episodes import EpisodeStore, Excerpts, StepRecord
from drift_core.episodes.repair import repair_store
from drift_core.policy.checkpoint import load_latest
from drift_core.task import load_task
from drift_core.training.provenance import load_provenance
from drift_core.training.rounds import ROUND_KINDS
from drift_formats.bags.repair import broken_off_bags, repair
from drift_formats.format import Cell as ArmAndTask
from drift_formats.formats import rosbag2
from drift_formats.importing import import_episodes
from drift_interfaces.action import Home, RunEpisode, Train
from drift_interfaces.msg import ActionChunk, ArmState, GateState, Outcome, PolicyState, Step
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.goal_server import GoalServer
from drift_ros.images import to_image
from drift_ros.request import StackRequest
from drift_ros.session import SessionClient
from rcl_interfaces.msg import Log
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import Trigger

CONFIG = Path(__file__).resolve().parents[3] / "config"
RATE_HZ = 50
DEMONSTRATION, INTERVENTION, EVALUATION = 0, 1, 2


class FakeGate(Node):
    """Says who drives: `source_at(seconds since armed)`. The arm stands still but for its TCP set-point."""

    def __init__(self):
        super().__init__("gate")
        self.source_at = lambda elapsed_s: Step.SOURCE_EXPERT
        self.armed, self.armed_at_s, self.calls, self.dry_run = False, 0.0, [], False
        self._seq, self._interventions, self._last_source = 0, 0, Step.SOURCE_HOLD
        robot = load_robot(CONFIG / "robots" / "panda.yaml")
        self._names = [*robot.config.joint_names, *robot.config.gripper.joints]
        self._positions = [*robot.home.tolist(), *[0.02] * len(robot.config.gripper.joints)]
        self._state = self.create_publisher(GateState, "gate/state", qos.LATCHED)
        self._steps = self.create_publisher(Step, "gate/step", qos.PROVENANCE)
        self._joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self._policy = self.create_publisher(PolicyState, "policy/state", qos.LATCHED)
        self._chunks = self.create_publisher(ActionChunk, "action_chunk", qos.COMMAND)
        self.create_service(Trigger, "gate/arm", lambda *call: self._set("arm", True, *call))
        self.create_service(Trigger, "gate/stop", lambda *call: self._set("stop", False, *call))
        self._home = GoalServer(self, Home, "gate/home", self._on_home, lambda: None)
        self.create_timer(1.0 / RATE_HZ, self._on_tick)
        self.create_timer(0.2, self._publish_state)

    def show_policy(self):
        self._policy.publish(PolicyState(state=PolicyState.ACTIVE, version=1))

    def _on_home(self, goal):
        self.calls.append("home")
        self._home.finish(Home.Result())

    def _set(self, name, armed, request, response):
        self.calls.append(name)
        self.armed, self.armed_at_s = armed, time.monotonic()
        self._publish_state()
        response.success = True
        return response

    def _publish_state(self):
        state = GateState.POLICY if self.armed else GateState.HOLD
        self._state.publish(GateState(state=state, armed=self.armed, epoch=1, dry_run=self.dry_run))

    def _on_tick(self):
        stamp = self.get_clock().now().to_msg()
        joints = JointState(name=self._names, position=self._positions)
        joints.header.stamp = stamp
        self._joints.publish(joints)
        elapsed_s = time.monotonic() - self.armed_at_s
        source = self.source_at(elapsed_s) if self.armed else Step.SOURCE_HOLD
        self._interventions += source == Step.SOURCE_EXPERT != self._last_source
        self._last_source = source
        self._seq += 1
        step = Step(seq=self._seq, source=source, epoch=1, intervention_id=self._interventions)
        step.header.stamp = stamp
        step.commanded = step.measured = [*self._positions[:7], 0.04]
        step.action = [0.4 + 0.01 * min(elapsed_s, 5.0), 0.0, 0.3, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.04]
        self._steps.publish(step)
        if self._seq % 10 == 0:  # a policy goes on while the expert drives
            chunk = ActionChunk(id=self._seq // 10, epoch=1, dt=0.1, n_steps=2, dim=10, data=[0.5] * 20)
            chunk.header.stamp = chunk.oldest_input = stamp
            chunk.action_space, chunk.sampler, chunk.seed = ActionChunk.TCP_POSE, "ddim-8", 3
            chunk.latent_steps, chunk.latent = 1, [0.25] * 10
            self._chunks.publish(chunk)


class FakeSimulation(Node):
    """Shows one small image and, `success_after_s` after the gate was armed, success."""

    def __init__(self, gate: FakeGate):
        super().__init__("sim")
        self.success_after_s, self.seeds = 1.0, []
        self.silent, self.ahead_s, self.encoding = False, 0.0, "rgb8"  # of the camera
        self._gate, self._result = gate, Outcome.RUNNING
        self.partial_credit = -1.0  # of an attempt under way; below 0: it says nothing of that
        self._images = self.create_publisher(Image, "camera/top/image_raw", qos.IMAGE)
        self._outcome = self.create_publisher(Outcome, "task/outcome", qos.LATCHED)
        self._arm_state = self.create_publisher(ArmState, "arm_state", qos.LATCHED)
        self._arm_state.publish(ArmState(ready=True))
        self.create_service(ResetTask, "sim/reset", self._on_reset)
        self.create_timer(0.1, self._on_tick)

    def _on_reset(self, request, response):
        self.seeds.append(request.seed)
        self._say(Outcome.RUNNING)
        return response

    def _on_tick(self):
        pixels = np.full((24, 32, 3), 7 * len(self.seeds) % 255, np.uint8)  # the task asks for 16x16
        stamp = (self.get_clock().now() + Duration(seconds=self.ahead_s)).to_msg()
        image = to_image(pixels, "rgb8", stamp, "top")
        image.encoding = self.encoding
        if not self.silent:
            self._images.publish(image)
        armed_s = time.monotonic() - self._gate.armed_at_s if self._gate.armed else 0.0
        if self.seeds and self._result == Outcome.RUNNING and armed_s > self.success_after_s:
            self._say(Outcome.SUCCESS, 1.0)
        elif armed_s > 0.0 and self._result == Outcome.RUNNING and self.partial_credit >= 0.0:
            self._say(Outcome.RUNNING, self.partial_credit)

    def _say(self, result, score=-1.0):
        self._result = result
        msg = Outcome(result=result, judged_by=Outcome.BY_SIMULATION, seed=self.seeds[-1], score=score)
        msg.header.stamp = self.get_clock().now().to_msg()
        self._outcome.publish(msg)

    def say_nonsense(self, result):
        """Publish an outcome that there is not, by a person."""
        msg = Outcome(result=result, judged_by=Outcome.BY_PERSON)
        msg.header.stamp = self.get_clock().now().to_msg()
        self._outcome.publish(msg)


class Cell:
    """Gate and simulation in a thread, the trainer as a process, and a client."""

    def __init__(self, arguments: list[str]):
        self.gate = FakeGate()
        self.sim = FakeSimulation(self.gate)
        self._executor = SingleThreadedExecutor()
        for node in (self.gate, self.sim):
            self._executor.add_node(node)
        self._thread = threading.Thread(target=self._executor.spin)
        self._thread.start()
        self._arguments = arguments
        self.session = SessionClient()
        self.start_trainer()

    def command(self):
        return [sys.executable, "-m", "trainer_node.ros.node", "--ros-args", *self._arguments]

    def start_trainer(self):
        self.trainer = subprocess.Popen(self.command())

    def wait_for_trainer(self):
        end_s = time.monotonic() + 60.0
        while self.session.stack.missing("trainer/run_episode", "trainer/train"):
            assert self.trainer.poll() is None, "the trainer has ended"
            assert time.monotonic() < end_s
            self.session.spin(0.05)

    def stop_trainer(self) -> float:
        """Return how long it took."""
        began_s = time.monotonic()
        self.trainer.send_signal(signal.SIGINT)
        self.trainer.wait(10.0)
        return time.monotonic() - began_s

    def close(self):
        self.session.close()
        if self.trainer.poll() is None:
            self.trainer.kill()
            self.trainer.wait()
        self._executor.shutdown()
        self._thread.join(5.0)
        for node in (self.gate, self.sim):
            node.destroy_node()


@pytest.fixture
def folders(tmp_path, files):
    task = Path(files["task_file"])
    task.write_text(task.read_text().replace("action_space: point", "action_space: tcp_pose"))
    return files | {"robot_file": str(CONFIG / "robots" / "panda.yaml")}


def told(given: dict[str, str], role: str) -> list[str]:
    """Return the arguments of a node that is one half of the trainer, with a name of its own."""
    values = yaml.safe_load((CONFIG / "nodes.yaml").read_text())["/**/trainer"]["ros__parameters"]
    values |= given | {"role": role, "worker_niceness": 0}
    parameters = [word for name, value in values.items() for word in ("-p", f"{name}:={json.dumps(value)}")]
    return ["-r", f"__node:={role}er", *parameters]


@pytest.fixture
def apart(ros, folders, tmp_path):
    """A cell whose recorder and trainer have a disk each, and the store of the recorder."""
    store = EpisodeStore(tmp_path / "robot" / "episodes")
    cell = Cell(told(folders | {"episode_folder": str(store.root)}, "record"))
    command = [sys.executable, "-m", "trainer_node.ros.node", "--ros-args", *told(folders, "train")]
    trainer = subprocess.Popen(command)
    try:
        cell.wait_for_trainer()
        yield cell, store
        trainer.send_signal(signal.SIGINT)
        assert trainer.wait(10.0) == 0
    finally:
        trainer.kill()
        trainer.wait()
        cell.close()


@pytest.fixture
def cell(ros, folders, request):
    """A cell; parameters of its trainer come with `parametrize(…, indirect=True)`."""
    given = (
        folders
        | getattr(request, "param", {})
        | {"control_rate_hz": f"{RATE_HZ}.0", "worker_niceness": "0", "service_timeout_s": "5.0"}
    )
    arguments = ["--params-file", str(CONFIG / "nodes.yaml")]
    for name, value in given.items():
        arguments += ["-p", f"{name}:={value}"]
    cell = Cell(arguments)
    try:
        cell.wait_for_trainer()
        yield cell
    finally:
        cell.close()


def call(session, service):
    """Return what a service says: success, message."""
    client = session.node.create_client(Trigger, service)
    session.wait_until(client.service_is_ready, 10.0, service)
    answer = client.call_async(Trigger.Request())
    session.wait_until(answer.done, 10.0, f"answer of {service}")
    return answer.result().success, answer.result().message


def spin_until(session, request: StackRequest, condition, limit_s=90.0):
    """Spin until the condition holds; the request is still under way."""
    session.wait_until(lambda: request.done or condition(), limit_s, "the news")
    assert not request.done, request.result()


def test_episodes_are_run_and_recorded_while_training_runs(cell, folders):
    session, gate, store = cell.session, cell.gate, EpisodeStore(folders["episode_folder"])

    # a demonstration: home, reset, arm, success after 1 s, 0.3 s of tail, stop, written
    feedback = []
    result = session.run_episode(DEMONSTRATION, seed=7, on_feedback=feedback.append, limit_s=30.0)
    assert (result.error_code, result.error_msg, result.outcome) == (0, "", Outcome.SUCCESS)
    assert gate.calls == ["home", "arm", "stop"]
    assert cell.sim.seeds == [7]
    assert 0.5 < result.duration_s < 3.0  # the trainer may hear late that the gate is armed
    assert result.interventions == 1
    assert result.expert_steps > 0
    assert result.expert_labels > 0
    assert Step.SOURCE_EXPERT in [at.source for at in feedback]
    episode = store.read(result.episode_id)
    assert (episode.meta.kind, episode.meta.outcome, episode.meta.seed) == ("demonstration", "success", 7)
    assert len(episode.steps) == result.control_steps
    assert np.all(np.diff(episode.steps.seq) == 1)
    driven_s = np.ptp(episode.steps.stamp_s[episode.steps.source == Step.SOURCE_EXPERT])
    assert driven_s > result.duration_s + 0.2  # the tail
    assert len(episode.frames["top"]) >= 8
    assert episode.joints.gripper_m[0] == pytest.approx(0.04)

    while all(store.held_out(name) for name in store.ids()):  # one in ten is never trained on
        session.run_episode(DEMONSTRATION, seed=8, limit_s=30.0)

    # without a policy nothing but a demonstration runs; the policy node says that it is active
    gate.show_policy()

    # training, and an episode meanwhile, in which the expert takes over after half a second
    gate.source_at = lambda s: Step.SOURCE_EXPERT if s > 0.5 else Step.SOURCE_POLICY
    steps = []
    training = session.stack.train("offline", 4000, steps.append)
    spin_until(session, training, lambda: steps)
    result = session.run_episode(INTERVENTION, seed=9, limit_s=30.0)
    assert (result.error_code, result.interventions, result.outcome) == (0, 1, Outcome.SUCCESS)
    assert not training.done
    assert 0 < steps[-1].step < 4000
    training.cancel()
    assert session.wait(training).error_code == Train.Result.CANCELLED
    assert session.checkpoint is None

    refused = session.train("nightly", 20, limit_s=60.0)
    assert refused.error_code == Train.Result.UNKNOWN_KIND
    assert refused.error_msg == f"kind='nightly' must be one of: {', '.join(ROUND_KINDS)}"
    trained = session.train("offline", 20, limit_s=60.0)
    assert (trained.error_code, trained.version, trained.step) == (0, 1, 20)
    session.wait_until(lambda: session.checkpoint is not None, 5.0, "trainer/checkpoint")
    assert session.checkpoint.sha256 == trained.sha256
    assert (session.checkpoint.reason, session.checkpoint.parent) == ("offline", 0)
    trained = session.train("online", 20, limit_s=60.0)
    assert (trained.error_code, trained.version, trained.step) == (0, 2, 40)

    # an evaluation ends as a failure when the expert takes over; how far it came the simulation has said
    assert store.read(store.ids()[0]).meta.score == 1.0
    cell.sim.partial_credit = 0.25
    result = session.run_episode(EVALUATION, seed=10, limit_s=30.0)
    assert (result.error_code, result.outcome) == (0, Outcome.FAILURE)
    assert result.error_msg == "the expert took over"
    assert result.expert_labels == 0
    assert store.read(result.episode_id).meta.score == 0.25

    # goals and outcomes that there are not: refused with what is allowed, and the trainer goes on
    allowed = "must be one of: 0 (DEMONSTRATION), 1 (INTERVENTION), 2 (EVALUATION)"
    for goal, said in (
        ({"kind": 7}, f"kind=7 {allowed}"),
        ({"kind": 0, "max_duration_s": -1.0}, "max_duration_s=-1.0 must be finite, 0 (the task's) or more"),
        (
            {"kind": 0, "max_duration_s": float("nan")},
            "max_duration_s=nan must be finite, 0 (the task's) or more",
        ),
    ):
        refused = session.run_episode(seed=1, limit_s=10.0, **goal)
        assert (refused.error_code, refused.error_msg) == (RunEpisode.Result.BAD_GOAL, said)
    logged = []
    session.node.create_subscription(Log, "/rosout", lambda msg: logged.append(msg.msg), 100)

    # a person marks, before the simulation does
    cell.sim.success_after_s = 60.0
    gate.source_at = lambda s: Step.SOURCE_POLICY
    feedback = []
    running = session.stack.run_episode(EVALUATION, 0, feedback.append)
    spin_until(session, running, lambda: feedback and feedback[-1].elapsed_s > 0.3)
    cell.sim.say_nonsense(9)
    said = "task/outcome refused: result=9 must be one of: 0 (RUNNING), 1 (SUCCESS), 2 (FAILURE)"
    spin_until(session, running, lambda: said in logged)
    session.mark(success=True)
    marked = session.wait(running)
    assert marked.outcome == Outcome.SUCCESS
    assert store.read(marked.episode_id).meta.score is None, "the person has given none"

    # a cancelled episode is dropped and the arm is stopped
    written = store.ids()
    running = session.stack.run_episode(EVALUATION, 0, feedback.append)
    feedback.clear()
    spin_until(session, running, lambda: feedback and feedback[-1].elapsed_s > 0.2)
    running.cancel()
    assert session.wait(running).error_code == RunEpisode.Result.CANCELLED
    assert not gate.armed
    assert store.ids() == written

    # a person starts an episode, and breaks it off; then once more, and the seeds count up
    cell.sim.seeds.clear()
    for seed in range(2):
        assert call(session, "trainer/start_episode") == (True, f"intervention with seed {seed}")
        session.wait_until(lambda: gate.armed, 10.0, "the run")
        assert call(session, "trainer/start_episode") == (False, "an episode is running already")
        assert call(session, "trainer/end_episode") == (True, "ended without a verdict, not kept")
        session.wait_until(lambda: not gate.armed, 10.0, "the end")
        session.wait_until(lambda: not call(session, "trainer/end_episode")[0], 10.0, "the dropping")
    assert cell.sim.seeds == [0, 1]
    assert store.ids() == written

    # the result of one that a person has started is in the log
    def dropped():
        return [text for text in logged if text.startswith("the episode: CANCELLED after ")]

    session.wait_until(lambda: len(dropped()) == 2, 10.0, "what became of both")
    assert all(": cancelled" in text for text in dropped())
    logged.clear()
    for success, verdict in ((True, "success after"), (False, "failure after")):
        assert call(session, "trainer/start_episode")[0]
        session.wait_until(lambda: gate.armed, 10.0, "the run")
        session.spin(0.2)
        session.mark(success)
        session.wait_until(lambda v=verdict: any(v in text for text in logged), 10.0, verdict)
        (said,) = (text for text in logged if verdict in text)
        (new_id,) = store.new_ids(written)  # of one second, the later one is not always the last
        written.append(new_id)
        assert said.startswith(f"{new_id}: {verdict} ") and "expert labels" in said
        assert said.endswith("(judged a failure)") is not success
    written = store.ids()

    # a gate that becomes a dry run: the episode is dropped, and no other starts
    running = session.stack.run_episode(EVALUATION, 0, feedback.append)
    session.wait_until(lambda: gate.armed, 10.0, "the run")
    gate.dry_run = True
    result = session.wait(running)
    assert (result.error_code, result.error_msg[:17]) == (RunEpisode.Result.ARM_REFUSED, "gate in a dry run")
    gate.calls.clear()
    assert session.run_episode(DEMONSTRATION, seed=1, limit_s=30.0).error_msg == result.error_msg
    assert gate.calls == ["stop"]
    assert store.ids() == written
    gate.dry_run = False
    session.spin(0.5)

    # two goals under way
    training = session.stack.train("offline", 100_000)
    running = session.stack.run_episode(EVALUATION, 0, feedback.append)
    session.spin(1.0)

    # stopped in the middle of both: at once, and nothing half-written is left
    assert cell.stop_trainer() < 3.0
    assert cell.trainer.returncode == 0
    assert not gate.armed
    left = sorted(path.name for path in store.root.iterdir() if path != Excerpts(store).root)
    assert left == written and Excerpts(store).store.ids() == []
    checkpoints = Path(folders["checkpoint_folder"])
    assert {path.suffix for path in checkpoints.iterdir()} <= {"", ".json", ".safetensors"}
    assert load_latest(checkpoints).info.version == 2

    # a new trainer says what the old one has made
    cell.session.close()
    cell.session = SessionClient()
    cell.start_trainer()
    cell.session.wait_until(lambda: cell.session.checkpoint is not None, 120.0, "trainer/checkpoint")
    assert cell.session.checkpoint.version == 2


def test_a_second_trainer_on_the_same_episodes_ends_with_one_line_and_deletes_nothing(cell, folders):
    store = EpisodeStore(folders["episode_folder"])
    running = cell.session.stack.run_episode(DEMONSTRATION, 1, (feedback := []).append)
    spin_until(cell.session, running, lambda: feedback and feedback[-1].elapsed_s > 0.2)
    second = subprocess.run(cell.command(), capture_output=True, text=True, timeout=60.0)
    assert second.returncode == 2
    assert f"another process records into {store.root}" in second.stderr and "Traceback" not in second.stderr
    assert cell.session.wait(running).outcome == Outcome.SUCCESS
    assert len(store.ids()) == 1


def test_what_a_killed_trainer_has_recorded_is_put_aside_and_can_be_repaired(cell, folders):
    store = EpisodeStore(folders["episode_folder"])
    cell.sim.success_after_s = 60.0
    running = cell.session.stack.run_episode(DEMONSTRATION, 1, (feedback := []).append)
    spin_until(cell.session, running, lambda: feedback and feedback[-1].elapsed_s > 2.5)
    (name,) = store.open_ids()
    cell.trainer.kill()
    cell.trainer.wait()
    cell.session.close()
    cell.session = SessionClient()
    cell.start_trainer()
    cell.wait_for_trainer()
    assert [path.name for path in store.quarantine.entries()] == [name]
    assert store.open_ids() == store.ids() == []
    cell.stop_trainer()
    with store.claim():
        (repair,) = repair_store(store)
    meta = store.meta(name)
    assert repair.whole and (meta.outcome, meta.repaired) == ("unknown", "its recorder was broken off")
    assert meta.duration_s > 1.0, "of 2.5 s at least, less the last one"


def test_a_correction_is_trained_on_while_its_episode_goes_on_and_leaves_when_that_is_dropped(cell, folders):
    session, gate, store = cell.session, cell.gate, EpisodeStore(folders["episode_folder"])
    while not store.ids() or all(store.held_out(name) for name in store.ids()):
        session.run_episode(DEMONSTRATION, seed=7, limit_s=30.0)
    trained = session.train("offline", 20, limit_s=60.0)
    assert (trained.error_code, trained.version) == (0, 1)
    gate.show_policy()
    stream = session.stack.train("continuous")
    cell.sim.success_after_s = 600.0
    gate.source_at = lambda s: Step.SOURCE_EXPERT if 0.5 < s < 2.0 else Step.SOURCE_POLICY
    held_out = True
    while held_out:  # one in ten is never trained on
        episode = session.stack.run_episode(INTERVENTION, 9, max_duration_s=120.0)
        spin_until(session, episode, lambda: store.open_ids())
        (name,) = store.open_ids()
        if held_out := store.held_out(name):
            episode.cancel()
            session.wait(episode)
    spin_until(session, episode, lambda: session.checkpoint.version > 1, 60.0)
    made = session.checkpoint
    assert (made.reason, made.parent) == ("continuous", 1) and not stream.done
    (correction,) = [c for c in load_provenance(Path(made.path)).corrections if c.episode_id == name]
    assert 10 <= correction.labels <= 14, "1.5 s of the expert, in steps of 0.1 s"
    assert correction.trained_on
    assert Excerpts(store).ids() == [f"{name}.{correction.intervention_id}"] and name not in store.ids()

    episode.cancel()
    assert session.wait(episode).error_code == RunEpisode.Result.CANCELLED
    session.wait_until(lambda: not Excerpts(store).store.ids(), 10.0, "the excerpt to be deleted")
    session.spin(1.0)
    stream.cancel()
    ended = session.wait(stream)
    assert (ended.error_code, ended.version) == (0, session.checkpoint.version)
    assert load_latest(Path(folders["checkpoint_folder"])).info.version == ended.version


def test_a_trainer_on_another_machine_trains_on_what_the_recorder_writes_seconds_after_it(apart, folders):
    (cell, there), here = apart, EpisodeStore(folders["episode_folder"])
    session, gate = cell.session, cell.gate
    result = session.run_episode(DEMONSTRATION, seed=7, limit_s=30.0)
    assert (result.error_code, result.path) == (0, str(there.root / result.episode_id))
    trained = session.train("offline", 20, limit_s=90.0)
    assert (trained.error_code, trained.version, here.ids()) == (0, 1, there.ids()), "the goal waits for it"
    gate.show_policy()
    stream = session.stack.train("continuous")
    cell.sim.success_after_s = 600.0
    gate.source_at = lambda s: Step.SOURCE_EXPERT if 0.5 < s < 2.0 else Step.SOURCE_POLICY
    episode = session.stack.run_episode(INTERVENTION, 9, max_duration_s=120.0)
    spin_until(session, episode, lambda: there.open_ids())
    (name,) = there.open_ids()
    spin_until(session, episode, lambda: session.checkpoint.version > 1, 90.0)
    (correction,) = [
        c for c in load_provenance(Path(session.checkpoint.path)).corrections if c.episode_id == name
    ]
    assert correction.labels >= 10 and correction.trained_on and name not in there.ids()
    assert Excerpts(here).ids() == [f"{name}.{correction.intervention_id}"]
    cell.session.mark(success=True)
    assert session.wait(episode).outcome == Outcome.SUCCESS
    session.wait_until(lambda: name in here.ids(), 30.0, "the whole episode")
    for path in (there.root / name).iterdir():
        assert (here.root / name / path.name).read_bytes() == path.read_bytes()
    stream.cancel()
    assert session.wait(stream).error_code == 0


def test_what_is_not_recorded_or_not_written_is_no_success(cell, folders):
    session, gate, sim, store = cell.session, cell.gate, cell.sim, EpisodeStore(folders["episode_folder"])

    # a camera that says nothing: nobody drives
    sim.silent = True
    result = session.run_episode(DEMONSTRATION, seed=1, limit_s=30.0)
    assert result.error_code == RunEpisode.Result.INPUT_LOST
    assert result.error_msg == "camera top: nothing recorded yet"
    assert (result.episode_id, gate.calls) == ("", ["home", "stop"])
    sim.silent = False

    # one whose clock runs ahead, or that cannot be decoded, on the way: ended, and what was recorded is kept
    sim.success_after_s = 5.0
    feedback = []
    for break_it, reason in (
        (
            lambda: setattr(sim, "ahead_s", 2.0),
            "s ahead of the clock, allowed: 0.03 s, with latency_s=0.0 of the camera)",
        ),
        (lambda: setattr(sim, "encoding", "yuv9"), "yuv9"),
    ):
        feedback.clear()
        running = session.stack.run_episode(DEMONSTRATION, 2, feedback.append)
        spin_until(session, running, lambda: feedback and feedback[-1].elapsed_s > 0.8)
        rates_hz = dict(zip(feedback[-1].inputs, feedback[-1].input_rates_hz, strict=True))
        assert list(rates_hz) == ["camera top", "joint_states", "gate/step"]
        assert 5.0 < rates_hz["camera top"] < 15.0 and 25.0 < rates_hz["gate/step"] < 75.0
        break_it()
        result = session.wait(running)
        assert result.error_code == RunEpisode.Result.INPUT_LOST
        assert result.error_msg.startswith("camera top: nothing for 2.") and reason in result.error_msg
        assert (result.outcome, gate.armed) == (Outcome.FAILURE, False)
        assert result.expert_labels == store_labels(store, result) > 0
        sim.ahead_s, sim.encoding = 0.0, "rgb8"

    # a disk that is full when the episode is closed, and one that is before it is opened
    sim.success_after_s, written = 1.0, store.ids()
    whole = resource.prlimit(cell.trainer.pid, resource.RLIMIT_FSIZE)
    running = session.stack.run_episode(DEMONSTRATION, 3, feedback.append)
    session.wait_until(lambda: gate.armed, 10.0, "the run")
    resource.prlimit(cell.trainer.pid, resource.RLIMIT_FSIZE, (1000, whole[1]))
    result = session.wait(running)
    assert (result.error_code, result.outcome) == (RunEpisode.Result.NOT_WRITTEN, Outcome.FAILURE)
    assert "[Errno 27] File too large" in result.error_msg, "on the way, or when it is closed"
    (part,) = store.root.glob(".*.part")
    assert str(part) in result.error_msg, "it says where the files are"
    gate.calls.clear()
    result = session.run_episode(DEMONSTRATION, seed=4, limit_s=30.0)
    assert result.error_code == RunEpisode.Result.NOT_WRITTEN
    assert "16 MiB must be free to record an episode" in result.error_msg
    assert gate.calls == ["home", "stop"]
    assert sorted(path.name for path in store.root.iterdir()) == [part.name, *written]

    # and with room again the same node goes on
    resource.prlimit(cell.trainer.pid, resource.RLIMIT_FSIZE, whole)
    result = session.run_episode(DEMONSTRATION, seed=5, limit_s=30.0)
    assert (result.error_code, result.outcome) == (0, Outcome.SUCCESS)
    assert store.ids() == sorted([*written, result.episode_id])


def store_labels(store, result):
    """Return the labels of an episode as training finds them."""
    robot = load_robot(CONFIG / "robots" / "panda.yaml")
    task = load_task(store.root.parent / "task.yaml")
    return WindowCutter(store, robot, task)(result.episode_id).expert_labels


@pytest.mark.parametrize("topic", ["/my-topic", "a//b", "{robot}/joy"])
def test_a_topic_of_the_bag_that_ros_does_not_allow_is_said_in_one_line_and_the_trainer_ends(folders, topic):
    command = [sys.executable, "-m", "trainer_node.ros.node", "--ros-args"]
    command += ["--params-file", str(CONFIG / "nodes.yaml")]
    for name, value in (folders | {"record_bag": "true", "bag_topics": f"[/tf, '{topic}']"}).items():
        command += ["-p", f"{name}:={value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60.0, env=os.environ)
    assert done.returncode == 2
    assert f"error: bag_topics: {topic!r} is no name of a topic: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_said_in_one_line(folders):
    command = [sys.executable, "-m", "trainer_node.ros.node", "--ros-args"]
    command += ["--params-file", str(CONFIG / "nodes.yaml")]
    for name, value in (folders | {"task_file": "/nowhere.yaml"}).items():
        command += ["-p", f"{name}:={value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60.0, env=os.environ)
    assert done.returncode == 2
    assert "error: /nowhere.yaml: cannot be read" in done.stderr


@pytest.mark.parametrize("cell", [{"record_bag": "true"}], indirect=True)
def test_a_bag_beside_the_episode_holds_the_bytes_of_all_that_was_heard(cell, folders):
    session, bags = cell.session, Path(folders["episode_folder"]).parent / "bags"
    cell.gate.show_policy()
    latched = ("gate/state", "arm_state", "policy/state")

    def trainer_hears(topic):
        """Whether it has subscribed for the bag, too."""
        heard = session.node.get_subscriptions_info_by_topic(f"/{topic}")
        return sum(info.node_name == "trainer" for info in heard) >= 2

    session.wait_until(lambda: all(map(trainer_hears, latched)), 20.0, "the trainer's further subscriptions")
    result = session.run_episode(DEMONSTRATION, seed=7, limit_s=30.0)
    assert result.error_code == 0, result.error_msg
    episode = EpisodeStore(folders["episode_folder"]).read(result.episode_id)
    session.wait_until((bags / result.episode_id / "metadata.yaml").is_file, 10.0, "the end of the bag")

    with AnyReader([bags / result.episode_id]) as bag:
        topics = {connection.topic: connection for connection in bag.connections}
        read = {
            name: [(at, bag.deserialize(data, c.msgtype)) for c, at, data in bag.messages([topics[name]])]
            for name in topics
        }
    assert {f"/{name}" for name in latched} <= set(topics)
    assert [step.seq for _, step in read["/gate/step"]] == episode.steps.seq.tolist()
    stamps_s = [m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for _, m in read["/camera/top/image_raw"]]
    assert stamps_s == episode.frames["top"].stamp_s.tolist()
    assert len(read["/joint_states"]) >= len(episode.joints)
    # and so is what the policy wanted meanwhile
    assert len(episode.chunks) >= 3 and set(episode.chunks.sampler) == {"ddim-8"}
    assert episode.chunks.latent[0].tolist() == [[0.25] * 10] and episode.chunks.data[0].shape == (2, 10)
    assert [chunk.id for _, chunk in read["/action_chunk"]] == episode.chunks.id.tolist()
    # the policy spoke once, before the episode: what is latched stands at the beginning
    ((said_ns, said),) = read["/policy/state"]
    assert said.version == 1 and episode.meta.started_s <= said_ns / 1e9 <= read["/gate/step"][0][0] / 1e9
    # log times are those of the wall clock
    assert all(abs(at / 1e9 - step.header.stamp.sec) < 5.0 for at, step in read["/gate/step"])

    # the episode that is made of the bag is the one that was recorded, and training sees the same to the bit
    again = EpisodeStore(bags.parent / "imported")
    robot, task = load_robot(Path(folders["robot_file"])), load_task(Path(folders["task_file"]))
    (done,) = import_episodes(
        bags / result.episode_id, again, ArmAndTask(robot, task), rosbag2, rosbag2.SourceMap()
    )
    assert done.remark == ""
    stores = EpisodeStore(folders["episode_folder"]), again
    one, other = (WindowCutter(store, robot, task)(result.episode_id) for store in stores)
    assert len(one) > 8 and one.mask.any()
    for name in ("t_ref_s", "frame_rows", "frame_index", "state", "actions", "mask", "window_class"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.frames["top"].images(), other.frames["top"].images())
    one, other = (store.read(result.episode_id) for store in stores)
    for field in fields(StepRecord):
        np.testing.assert_array_equal(getattr(one.steps, field.name), getattr(other.steps, field.name))
    for name in ("id", "stamp_s", "oldest_input_s", "seed"):
        np.testing.assert_array_equal(getattr(one.chunks, name), getattr(other.chunks, name))
    np.testing.assert_array_equal(one.joints.positions_rad, other.joints.positions_rad)
    np.testing.assert_array_equal(one.joints.stamp_s, other.joints.stamp_s)
    np.testing.assert_allclose(one.joints.arrival_s, other.joints.arrival_s, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(one.frames["top"].arrival_s, other.frames["top"].arrival_s)

    # what the channels say is what the graph says
    for name, connection in topics.items():
        if name in ("/policy/state", "/gate/step", "/camera/top/image_raw"):
            (publisher,) = session.node.get_publishers_info_by_topic(name)
            assert connection.digest == str(publisher.topic_type_hash)
            (offered,) = connection.ext.offered_qos_profiles
            assert offered.reliability.name == publisher.qos_profile.reliability.name
            assert offered.durability.name == publisher.qos_profile.durability.name

    # a dropped episode leaves no bag; a killed trainer one that can be repaired
    running = session.stack.run_episode(EVALUATION, 0)
    session.wait_until(lambda: cell.gate.armed, 10.0, "the run")
    running.cancel()
    session.wait(running)
    session.wait_until(lambda: len(list(bags.iterdir())) == 1, 10.0, "the dropping of the bag")
    cell.sim.success_after_s = 60.0
    session.stack.run_episode(DEMONSTRATION, 1)
    session.wait_until(lambda: cell.gate.armed, 10.0, "the run")
    session.wait_until(lambda: len(list(bags.glob("*/*.mcap"))) == 2, 10.0, "the second bag")
    (broken,) = broken_off_bags(bags)
    session.wait_until(lambda: (broken / f"{broken.name}_0.mcap").stat().st_size > 100_000, 10.0, "a chunk")
    cell.trainer.kill()
    cell.trainer.wait()
    assert repair(broken).messages > 20
    with AnyReader([broken]) as bag:
        assert bag.message_count > 20
