"""The policy node on real topics: cameras, joints and gate played by a second node in the same executor."""

import subprocess
import sys
import threading
import time
from array import array

import numpy as np
import pytest
import yaml
from drift_config.errors import DriftError
from drift_core.policy.pieces import read_piece
from drift_interfaces.msg import ActionChunk, Checkpoint, GateState, PolicyState
from drift_interfaces.srv import LoadCheckpoint, ReadCheckpoint, Rollback
from drift_policy_node import exchange
from drift_policy_node.ros.node import PolicyNode
from drift_ros import qos
from drift_ros.chunk_message import to_chunk
from drift_ros.clock import ros_s, to_seconds, to_stamp
from drift_ros.gate_messages import to_joint_state
from drift_ros.images import to_image
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState

LIMIT_S = 15.0  # discovery may take seconds


class World(Node):
    """Cameras at 20 Hz, joints at 50 Hz, gate/state at 5 Hz; keeps what the policy says."""

    def __init__(self, bench):
        super().__init__("world")
        self.bench, self.cameras, self.epoch, self.frame = bench, {"front", "wrist"}, 1, 0
        self.size = (16, 16)  # height and width of the pictures
        self.chunks: list[ActionChunk] = []
        self.states: list[PolicyState] = []
        self.images = {
            camera.name: self.create_publisher(Image, camera.topic, qos.IMAGE)
            for camera in bench.task.cameras
        }
        self.joints = self.create_publisher(JointState, "joint_states", qos.JOINT_STATES)
        self.gate = self.create_publisher(GateState, "gate/state", qos.LATCHED)
        self.announce = self.create_publisher(Checkpoint, "trainer/checkpoint", qos.LATCHED)
        self.create_subscription(ActionChunk, "action_chunk", self.chunks.append, qos.COMMAND)
        self.create_subscription(PolicyState, "policy/state", self.states.append, qos.LATCHED)
        self.load = self.create_client(LoadCheckpoint, "policy/load_checkpoint")
        self.rollback = self.create_client(Rollback, "policy/rollback")
        self.create_timer(0.05, self._on_camera_timer)
        self.create_timer(0.02, self._on_joint_timer)
        self.create_timer(0.2, self._on_gate_timer)

    def _on_camera_timer(self):
        self.frame += 1
        stamp = self.get_clock().now().to_msg()
        for camera in self.cameras:
            pixels = np.full((*self.size, 3), self.frame % 256, np.uint8)
            self.images[camera].publish(to_image(pixels, "rgb8", stamp, camera))

    def _on_joint_timer(self):
        config = self.bench.robot.config
        names = [*config.joint_names, *config.gripper.joints]
        positions = np.array([*self.bench.robot.home, *([0.04] * len(config.gripper.joints))])
        self.joints.publish(to_joint_state(names, positions, self.get_clock().now().to_msg()))

    def _on_gate_timer(self):
        self.gate.publish(GateState(state=GateState.POLICY, epoch=self.epoch, armed=True))

    def send_checkpoint(self, path, sha256, version):
        self.announce.publish(Checkpoint(path=str(path), sha256=sha256, version=version))

    def serve_checkpoints(self, folder):
        def on_request(request, response):
            piece = read_piece(folder, request.name, request.offset, request.length)
            response.data, response.sha256 = array("B", piece.data), piece.sha256
            response.file_bytes, response.file_sha256 = piece.file_bytes, piece.file_sha256
            return response

        self.create_service(ReadCheckpoint, "trainer/read_checkpoint", on_request)

    @property
    def state(self):
        return self.states[-1] if self.states else PolicyState()


class Stage:
    """A world and, once started, a policy node."""

    def __init__(self, bench):
        self.bench, self.executor, self.world, self.policy = (
            bench,
            SingleThreadedExecutor(),
            World(bench),
            None,
        )
        self.executor.add_node(self.world)

    def start(self, **changes):
        values = self.bench.parameters(**changes)
        self.policy = PolicyNode(parameter_overrides=[Parameter(k, value=v) for k, v in values.items()])
        self.executor.add_node(self.policy)

    def spin(self, condition, what, limit_s=LIMIT_S):
        end_s = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s; {self.world.state.text}"
            self.executor.spin_once(timeout_sec=0.05)

    def spin_for(self, duration_s):
        end_s = time.monotonic() + duration_s
        while time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.02)

    def call(self, client, request):
        self.spin(client.service_is_ready, "service discovery")
        future = client.call_async(request)
        self.spin(future.done, "answer")
        return future.result()

    def close(self):
        self.executor.shutdown()
        if self.policy is not None:
            self.policy.destroy_node()
        self.world.destroy_node()
        self.policy = self.executor = None  # a lifecycle node leaves the graph when nobody knows it any more


@pytest.fixture
def stage(ros, bench):
    stage = Stage(bench)
    yield stage
    stage.close()


def test_pictures_of_another_size_are_made_to_fit(stage, bench):
    bench.checkpoint(1)
    stage.world.size = (48, 64)
    stage.start()
    stage.spin(lambda: stage.world.chunks, "a chunk")


def test_a_chunk_is_published_with_the_stamp_of_its_observation(stage, bench):
    bench.checkpoint(3)
    stage.start()
    stage.spin(lambda: len(stage.world.chunks) >= 3, "three chunks")
    msg = stage.world.chunks[-1]
    chunk = to_chunk(msg, 0.0)
    assert chunk.data.shape == (8, 10) and np.isfinite(chunk.data).all()
    assert (chunk.epoch, chunk.policy_version, chunk.dt_s, chunk.action_space) == (1, 3, 0.1, "tcp_pose")
    age_s = ros_s(stage.world.get_clock()) - chunk.stamp_s
    assert 0.02 <= age_s < 2.0  # wrist frames are stamped 20 ms late
    assert to_seconds(msg.oldest_input) <= chunk.stamp_s - 0.05  # the second observation step is 0.1 s older
    assert msg.header.frame_id == bench.robot.config.base_frame and msg.inference_ms > 0.0
    assert msg.sampler == stage.world.state.sampler and len(msg.latent) == msg.latent_steps * 10 > 0
    ids = [chunk.id for chunk in stage.world.chunks]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_checkpoint_on_the_disk_of_another_machine_is_fetched_beside_the_chunks(stage, bench, tmp_path):
    bench.checkpoint(1)
    (tmp_path / "trainer").mkdir()
    path, sha256 = type(bench)(tmp_path / "trainer").checkpoint(2)
    stage.start()
    stage.spin(lambda: stage.world.chunks, "a chunk")
    stage.world.send_checkpoint(f"/disk/of/the/trainer/{path.name}", sha256, version=2)
    said = "no answer from the trainer"
    stage.spin(lambda: said in stage.world.state.text, "word of a trainer that is not there")
    assert stage.world.state.state == PolicyState.ACTIVE
    stage.world.serve_checkpoints(path.parent)
    stage.spin(lambda: stage.world.chunks[-1].policy_version == 2, "version 2 driving")
    assert stage.world.state.path == str(tmp_path / "checkpoints" / path.name)


def test_a_stopped_camera_is_named_and_no_chunk_is_published(stage, bench):
    bench.checkpoint(1)
    stage.start()
    stage.spin(lambda: stage.world.chunks, "chunk")
    stage.world.cameras = {"front"}
    stage.spin(lambda: "camera wrist: nothing for" in stage.world.state.text, "report", limit_s=3.0)
    assert stage.world.state.state == PolicyState.WAITING
    count = len(stage.world.chunks)
    stage.spin_for(0.5)
    assert len(stage.world.chunks) == count
    stage.world.cameras = {"front", "wrist"}
    stage.spin(lambda: len(stage.world.chunks) > count, "recovery")
    stage.spin(lambda: stage.world.state.state == PolicyState.ACTIVE, "ACTIVE", limit_s=2.0)


def test_an_announced_checkpoint_is_swapped_in_and_a_corrupted_one_is_refused(stage, bench):
    stage.start()
    stage.spin(lambda: stage.world.state.text.startswith("no checkpoint yet"), "waiting for a checkpoint")
    stage.world.send_checkpoint(*bench.checkpoint(1), version=1)
    stage.spin(lambda: stage.world.chunks and stage.world.chunks[-1].policy_version == 1, "version 1 driving")
    stage.world.send_checkpoint(*bench.checkpoint(2), version=2)
    stage.spin(lambda: stage.world.chunks[-1].policy_version == 2, "version 2 driving")
    path, sha256 = bench.checkpoint(3)
    path.write_bytes(path.read_bytes()[:-50] + bytes(50))
    stage.world.send_checkpoint(path, sha256, version=3)
    stage.spin(lambda: stage.world.state.last_refusal, "refusal")
    assert "sha256=" in stage.world.state.last_refusal and "policy_000003" in stage.world.state.last_refusal
    count = len(stage.world.chunks)
    stage.spin(lambda: len(stage.world.chunks) > count + 2, "further chunks")
    assert (stage.world.chunks[-1].policy_version, stage.world.state.version) == (2, 2)
    assert stage.world.state.swaps == 1


def test_services_load_by_name_and_roll_back(stage, bench):
    bench.checkpoint(1)
    stage.start()
    stage.spin(lambda: stage.world.state.version == 1, "version 1")
    nowhere = stage.call(stage.world.rollback, Rollback.Request())
    assert nowhere.error_code == Rollback.Response.NOTHING_TO_ROLL_BACK_TO
    path, sha256 = bench.checkpoint(2)
    missing = stage.call(stage.world.load, LoadCheckpoint.Request(path=str(path) + "x"))
    assert missing.error_code == LoadCheckpoint.Response.NOT_FOUND and missing.version == 1
    other, _ = bench.checkpoint(9, robot="ur5e")
    answer = stage.call(stage.world.load, LoadCheckpoint.Request(path=str(other)))
    assert answer.error_code == LoadCheckpoint.Response.INCOMPATIBLE
    assert "robot must be panda, got ur5e" in answer.error_msg
    loaded = stage.call(stage.world.load, LoadCheckpoint.Request(path=str(path), sha256=sha256))
    assert (loaded.error_code, loaded.version) == (0, 2)
    assert stage.call(stage.world.rollback, Rollback.Request()).version == 1


def test_a_service_call_does_not_wait_for_a_loader_that_hangs(stage, bench, monkeypatch):
    bench.checkpoint(1)
    stage.start(load_limit_s=0.3)
    stage.spin(lambda: stage.world.state.version == 1, "version 1")
    release = threading.Event()
    monkeypatch.setattr("drift_policy_node.exchange.load_candidate", lambda *args: release.wait(30.0))
    path = str(bench.checkpoint(2)[0])
    stage.spin(stage.world.load.service_is_ready, "service discovery")
    future = stage.world.load.call_async(LoadCheckpoint.Request(path=path))
    stage.spin(lambda: "policy_000002" in stage.world.state.text, "report of the hanging loader", limit_s=5.0)
    stage.spin(future.done, "answer", limit_s=5.0)
    assert future.result().error_code == LoadCheckpoint.Response.INVALID
    assert "is given up" in future.result().error_msg and future.result().version == 1
    again = stage.call(stage.world.load, LoadCheckpoint.Request(path=path))
    assert "not looked at, loading" in again.error_msg
    stage.spin(
        lambda: stage.world.state.state == PolicyState.ACTIVE, "ACTIVE"
    )  # chunks are made all the same
    said_s = to_seconds(stage.world.state.header.stamp)
    stage.spin(lambda: to_seconds(stage.world.state.header.stamp) > said_s, "policy/state", limit_s=2.5)
    release.set()


def test_while_the_first_checkpoint_is_loaded_services_answer_and_the_node_can_be_stopped(
    stage, bench, monkeypatch
):
    bench.checkpoint(1)
    release, load = threading.Event(), exchange.load_candidate
    monkeypatch.setattr(exchange, "load_candidate", lambda *args: release.wait(30.0) and load(*args))
    stage.start()
    answer = stage.call(stage.world.create_client(GetState, "policy/get_state"), GetState.Request())
    assert answer.current_state.label == "active"
    assert stage.call(stage.world.rollback, Rollback.Request()).version == 0
    assert stage.world.state.text.startswith("no checkpoint yet") and not stage.world.chunks
    release.set()
    stage.spin(lambda: stage.world.chunks, "a chunk once it is loaded")


def test_a_deactivated_node_publishes_nothing_and_says_that_it_is_inactive(stage, bench):
    bench.checkpoint(1)
    stage.start()
    stage.spin(lambda: stage.world.chunks, "chunk")
    stage.policy.trigger_deactivate()
    stage.spin(lambda: stage.world.state.state == PolicyState.INACTIVE, "INACTIVE", limit_s=2.0)
    count = len(stage.world.chunks)
    stage.spin_for(0.5)
    assert len(stage.world.chunks) == count
    stage.policy.trigger_activate()
    stage.spin(lambda: len(stage.world.chunks) > count, "a chunk after activation")


@pytest.mark.parametrize(
    ("transition", "ends_in"),
    [("deactivate", "inactive"), ("shutdown", "finalized"), ("deactivate that raises", "unconfigured")],
)
def test_every_transition_out_of_active_ends_the_chunks(stage, bench, monkeypatch, transition, ends_in):
    bench.checkpoint(1)
    if transition == "deactivate that raises":
        monkeypatch.setattr(PolicyNode, "on_deactivate", lambda node, state: 1 / 0)
    stage.start()
    stage.spin(lambda: stage.world.chunks, "chunk")
    shut_down, deactivate = Transition.TRANSITION_ACTIVE_SHUTDOWN, Transition.TRANSITION_DEACTIVATE
    change = shut_down if transition == "shutdown" else deactivate
    request = ChangeState.Request(transition=Transition(id=change))
    stage.call(stage.world.create_client(ChangeState, "policy/change_state"), request)
    answer = stage.call(stage.world.create_client(GetState, "policy/get_state"), GetState.Request())
    assert answer.current_state.label == ends_in
    count = len(stage.world.chunks)
    stage.spin_for(0.6)
    assert len(stage.world.chunks) == count
    stage.spin(lambda: stage.world.state.state != PolicyState.ACTIVE, "an end of ACTIVE", limit_s=2.0)


def test_a_wrong_image_encoding_is_named(stage, bench):
    bench.checkpoint(1)
    stage.start()
    stage.world.cameras = {"front"}
    bad = Image(encoding="nv24", height=16, width=16, step=16)
    bad.header.stamp = to_stamp(1.0)

    def refused():
        stage.world.images["wrist"].publish(bad)
        return "nv24" in stage.world.state.text

    stage.spin(refused, "refusal")
    assert "camera wrist: never received (encoding='nv24' needs cv_bridge" in stage.world.state.text


def test_a_wrong_task_file_stops_the_node_with_one_line(bench):
    file = bench.folder / "nodes.yaml"
    values = bench.parameters(task_file=str(bench.folder / "none.yaml"))
    file.write_text(yaml.safe_dump({"/**/policy": {"ros__parameters": values}}))
    command = [sys.executable, "-m", "drift_policy_node.ros.node", "--ros-args", "--params-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "none.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_checkpoint_that_is_asked_for_by_name_and_missing_stops_the_node(stage, bench):
    with pytest.raises(DriftError, match="policy_000007.safetensors: no such file"):
        stage.start(checkpoint_file=str(bench.folder / "policy_000007.safetensors"))


def test_only_a_refused_configuration_is_one_and_anything_else_is_tried_again(bench):
    file = bench.folder / "nodes.yaml"
    bench.checkpoint(1)
    missing = str(bench.folder / "none.safetensors")
    for changes, fault, code in (
        (dict(checkpoint_file=missing), "", 2),
        ({}, "OSError(28, 'No space left on device')", 1),
        ({}, "ValueError('of a library')", 1),
    ):
        values = bench.parameters(**changes)
        file.write_text(yaml.safe_dump({"/**/policy": {"ros__parameters": values}}))
        program = f"""
import sys
from drift_policy_node import exchange
from drift_policy_node.ros import node

def load_candidate(*args):
    raise {fault}

{"exchange.load_candidate = load_candidate" if fault else ""}
sys.exit(node.main())
"""
        command = [sys.executable, "-c", program, "--ros-args", "--params-file", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == code and fault.partition("(")[0] in done.stderr, done.stderr
        assert ("Traceback" in done.stderr) == (code == 1)
