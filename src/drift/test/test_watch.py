"""`drift watch` before a node that plays the topics of a stack, and a film that Ctrl-C leaves whole."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from drift.configuration import config_file
from drift.driver_colours import FAULT_HEX, parts, rgb
from drift.picture.sheet import Moment
from drift.ros.eyes import CameraEye, SimulatedEye
from drift.ros.known_by_stack import KnownByStack
from drift.ros.stack_at_work import StackAtWork
from drift_control.inputs import Chunk
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_core.calibration.camera_place import CameraPlace
from drift_core.calibration.transform import StaticTransform
from drift_core.episodes import StepSource
from drift_core.task import load_task
from drift_interfaces.msg import ActionChunk, GateState, PolicyState, Step
from drift_ros import qos
from drift_ros.chunk_message import to_chunk_message
from drift_ros.clock import ros_s
from drift_ros.errors import SessionError
from drift_ros.gate_messages import to_joint_state
from drift_ros.images import to_image
from drift_ros.session import SessionClient
from drift_sim.ros.judgement import to_pose_message
from geometry_msgs.msg import PoseArray
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState

DRIFT = Path(__file__).resolve().parents[1] / "bin" / "drift"
ROBOT, TASK = load_robot(config_file("robot", "panda")), load_task(config_file("task", "place"))
BLUE, ORANGE = rgb(StepSource.POLICY), rgb(StepSource.EXPERT)


class Stack:
    """Publishes what a stack would, once for each call of `tell`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        kinds = {
            "joint_states": (JointState, qos.JOINT_STATES),
            "gate/state": (GateState, qos.LATCHED),
            "gate/step": (Step, qos.PROVENANCE),
            "policy/state": (PolicyState, qos.LATCHED),
            "action_chunk": (ActionChunk, qos.COMMAND),
            "sim/ground_truth": (PoseArray, qos.GROUND_TRUTH),
            "camera/front/image_raw": (Image, qos.IMAGE),
            "camera/front/camera_info": (CameraInfo, qos.IMAGE),
        }
        self._publishers = {
            name: node.create_publisher(kind, name, quality) for name, (kind, quality) in kinds.items()
        }
        self.state, self.text = GateState.POLICY, "policy drives from chunk 3"
        self.picture = np.full((48, 64, 3), 200, np.uint8)

    def tell(self) -> None:
        clock = self._node.get_clock()
        stamp = clock.now().to_msg()
        joints = np.concatenate([ROBOT.home, [0.02, 0.02]])
        names = [*ROBOT.config.joint_names, *ROBOT.config.gripper.joints]
        self._publish("joint_states", to_joint_state(names, joints, stamp))
        gate = GateState(state=self.state, text=self.text, intervention_id=2, armed=True)
        self._publish("gate/state", gate)
        self._publish("policy/state", PolicyState(version=7))
        step = Step(source=Step.SOURCE_EXPERT, measured=[*ROBOT.home, 0.04])
        step.header.stamp = stamp
        self._publish("gate/step", step)
        points = np.tile([0.45, 0.0, 0.1, 1.0, 0, 0, 0, -1.0, 0, 0.0], (16, 1))
        points[:, 1] = np.linspace(-0.2, 0.2, 16)
        now_s = ros_s(clock)
        chunk = Chunk(3, 1, now_s, 1.0, points, "tcp_pose", 7, now_s, now_s)
        self._publish("action_chunk", to_chunk_message(chunk, "panda_link0", 12.0))
        box, goal = Pose(np.array([0.5, -0.1, 0.02]), np.eye(3)), Pose(np.array([0.5, 0.15, 0.0]), np.eye(3))
        self._publish("sim/ground_truth", PoseArray(poses=[to_pose_message(box), to_pose_message(goal)]))
        self._publish("camera/front/image_raw", to_image(self.picture, "rgb8", stamp, "front_optical_frame"))
        k = [60.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0]
        info = CameraInfo(height=48, width=64, k=k, d=[0.0] * 5, distortion_model="plumb_bob")
        self._publish("camera/front/camera_info", info)

    def _publish(self, name: str, message: object) -> None:
        self._publishers[name].publish(message)


@pytest.fixture
def client() -> Iterator[SessionClient]:
    with SessionClient() as client:
        yield client


def told_until(
    stack: Stack, watch: StackAtWork, client: SessionClient, good: Callable[[Moment], bool]
) -> Moment:
    """Tell and listen until a moment is as it shall be."""
    seen: list[Moment] = []

    def look() -> bool:
        stack.tell()
        watch.listen_until(0.0)
        seen.append(watch.moment())
        return good(seen[-1])

    client.wait_until(look, 20.0, "the moment")
    return seen[-1]


def ends_with(note: str, moment: Moment) -> bool:
    return moment.notes[-1] == note


def share(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((np.abs(picture.astype(int) - colour).max(axis=-1) < 12).mean())


def test_a_simulated_stack_is_shown_from_outside_with_the_plan_the_way_and_who_drives(
    client: SessionClient,
) -> None:
    stack, eye = Stack(client.node), SimulatedEye(client.node, ROBOT, TASK)
    watch = StackAtWork(client, ROBOT, TASK, "raw", eye)
    moment = told_until(stack, watch, client, lambda moment: len(moment.notes) == 3 and bool(moment.insets))
    assert (moment.title, moment.colour) == ("POLICY drives", BLUE)
    assert moment.notes == ["policy: version 7", "take-overs: 2", "chunk 3: 12 ms"]
    assert moment.insets["front"].shape == (48, 64, 3) and eye.trouble == ""
    assert moment.main.shape == (480, 640, 3) and share(moment.main, BLUE) > 0.0005
    stack.state, stack.text = GateState.FAULT, "joint 2 is too far from its command"
    moment = told_until(stack, watch, client, lambda moment: moment.reason == stack.text)
    assert (moment.title, moment.colour) == ("FAULT: held", parts(FAULT_HEX))
    eye.close()


def test_on_a_real_arm_the_plan_is_drawn_into_a_camera_that_is_calibrated(client: SessionClient) -> None:
    # 1 m above the plan, looking straight down: 16 points along 0.4 m, 24 pixels of its 64, 240 of 640
    down = np.array([[0.0, -1.0, 0.0, 0.45], [-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.1], [0, 0, 0, 1.0]])
    transform = StaticTransform.of("panda_link0", "front_lens", down)
    place = CameraPlace("panda", "front", date(2026, 1, 1), 0.3, (0.001,) * 3, (0.1,) * 3, transform)
    stack = Stack(client.node)
    for calibration, note in ((place, "chunk 3: 12 ms"), (None, "front not calibrated")):
        eye = CameraEye(client.node, ROBOT, TASK.cameras[0], "raw", calibration)
        watch = StackAtWork(client, ROBOT, TASK, "raw", eye)
        moment = told_until(stack, watch, client, partial(ends_with, note))
        blue = np.abs(moment.main.astype(int) - BLUE).max(axis=-1) < 12
        assert "front" not in moment.insets and moment.main[5, 5].tolist() == [200] * 3
        if calibration is None:
            assert not blue.any()
        else:
            columns = np.nonzero(blue)[1]
            assert columns.min() == pytest.approx(320 - 120, abs=6) and columns.max() == pytest.approx(
                440, abs=6
            )


def test_a_stack_that_is_not_there_is_said_within_the_limit(client: SessionClient) -> None:
    watch = StackAtWork(
        client, ROBOT, TASK, "raw", CameraEye(client.node, ROBOT, TASK.cameras[0], "raw", None)
    )
    with pytest.raises(SessionError, match=r"no gate/state after 0.2 s; is the stack up"):
        watch.wait(0.2)
    with pytest.raises(SessionError, match=r"no node of a stack says its task after 0.2 s; .* --task NAME"):
        KnownByStack(client).name("task", 0.2)


def test_robot_and_task_are_those_of_the_running_nodes(client: SessionClient) -> None:
    nodes = [Node(name, context=client.node.context) for name in ("expert_gate", "recorder")]
    for node, (kind, name) in zip(nodes, (("robot", "ur5e+none"), ("task", "insert")), strict=True):
        node.declare_parameter(f"{kind}_file", f"/somewhere/{name}.yaml")
        client._executor.add_node(node)
    known = KnownByStack(client)
    assert (known.name("robot", 10.0), known.name("task", 10.0)) == ("ur5e+none", "insert")
    for node in nodes:
        node.destroy_node()


def test_ctrl_c_ends_it_well_and_the_film_is_whole(client: SessionClient, tmp_path: Path) -> None:
    stack, film = Stack(client.node), tmp_path / "film.mp4"
    words = ["watch", "--video", str(film), "--robot", "panda", "--task", "place", "--rate", "20"]
    process = subprocess.Popen(
        [sys.executable, str(DRIFT), *words], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    end_s = time.monotonic() + 60.0
    told = 0
    while told < 10:  # since its first picture
        assert process.poll() is None and time.monotonic() < end_s
        stack.tell()
        client.spin(0.05)
        told += film.exists()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30.0)[0]
    assert process.returncode == 0 and f"in {film}" in said
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) > 2 and frames[-1].shape == (526, 812, 3)
    assert share(frames[-1][:, :5], BLUE) > 0.9
