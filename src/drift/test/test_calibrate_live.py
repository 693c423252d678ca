"""What `drift calibrate` hears of a running arm and its cameras; it publishes nothing."""

import cv2
import numpy as np
import pytest
from board_poses import hands, truth
from drift.commands.calibrate.hand_eye import hand_frame
from drift.configuration import config_file
from drift.ros.arm_and_cameras import ArmAndCameras
from drift.ros.sample_taker import SampleTaker
from drift_config.loader import load_yaml
from drift_control.robot import ik
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_core.calibration.board import Board
from drift_core.calibration.samples import SampleFolder
from drift_core.errors import CalibrationError
from drift_core.task import load_task
from drift_ros import qos
from drift_ros.errors import SessionError
from drift_ros.images import to_image
from drift_ros.session import SessionClient
from drift_sim.board_scene import BoardScene
from sensor_msgs.msg import CameraInfo, JointState

ARM = load_robot(config_file("robot", "ur5e"))
WRIST = load_task(config_file("task", "place")).cameras[1]


@pytest.fixture
def client():
    with SessionClient() as client:
        yield client


class Arm:
    """Publishes joints at 50 Hz, a picture and its camera_info at 10 Hz, by timers of the client's node."""

    def __init__(self, client, picture, k):
        node = client.node
        self.q, self._picture, self._k, self._node = ARM.home.copy(), picture, k, node
        self._names = [*ARM.config.joint_names, *ARM.config.gripper.joints]
        self._joints = node.create_publisher(JointState, ARM.config.joint_state_topics[0], qos.JOINT_STATES)
        self._images = node.create_publisher(type(self._image()), WRIST.topic, qos.IMAGE)
        self._infos = node.create_publisher(CameraInfo, "camera/wrist/camera_info", qos.IMAGE)
        node.create_timer(0.02, self._tell)
        node.create_timer(0.1, self._show)

    def _now(self):
        return self._node.get_clock().now().to_msg()

    def _image(self):
        return to_image(self._picture, "rgb8", self._now(), "wrist_lens")

    def _tell(self):
        hand = [0.02] * len(ARM.config.gripper.joints)
        msg = JointState(name=self._names, position=[*self.q.tolist(), *hand])
        msg.header.stamp = self._now()
        self._joints.publish(msg)

    def _show(self):
        self._images.publish(self._image())
        height, width = self._picture.shape[:2]
        info = CameraInfo(height=height, width=width, k=self._k, d=[0.0] * 5, distortion_model="plumb_bob")
        self._infos.publish(info)


def test_what_says_nothing_is_named(client, monkeypatch):
    monkeypatch.setattr("drift.ros.arm_and_cameras._HEARD_S", 0.3)
    arm = ArmAndCameras(client, ARM.config, [WRIST], "raw", lambda *picture: None)
    with pytest.raises(
        SessionError, match=r"nothing usable on camera/wrist/image_raw, joint_states within 0.3 s"
    ):
        arm.wait()


def test_a_sample_is_taken_when_the_arm_has_rested_and_not_twice_at_one_place(client, tmp_path):
    board, (camera, place) = load_yaml(config_file("board", "a4"), Board), truth("hand")
    hand = hands("hand", 1, np.random.default_rng(0))[0]
    q = ARM.home
    for _ in range(5):
        q = ik.solve(ARM, Pose(hand[:3, 3], hand[:3, :3]), q).q
    scene = BoardScene(board)
    picture = scene.render(np.linalg.inv(camera) @ np.linalg.inv(hand) @ place)
    scene.close()
    arm = Arm(client, picture, scene.intrinsics.matrix.ravel().tolist())
    arm.q = q
    taker = SampleTaker(SampleFolder(tmp_path), ARM, "wrist", board, hand_frame)
    listener = ArmAndCameras(client, ARM.config, [WRIST], "raw", taker.on_picture)
    listener.wait()
    client.wait_until(lambda: "wrist" in listener.infos, 5.0, "camera_info")
    taker.begin(listener.infos)
    taker.look(listener.joint_s, listener.joints_rad, now=True)
    assert taker.count == 0  # it has not rested for long enough
    for _ in range(40):
        listener.spin(0.1)
        taker.look(listener.joint_s, listener.joints_rad, now=False)
        if taker.count:
            break
    listener.spin(0.3)
    taker.look(listener.joint_s, listener.joints_rad, now=False)
    assert taker.count == 1
    taken = SampleFolder(tmp_path).read()
    assert taken.camera_frame == "wrist_lens" and taken.samples[0].joints_rad == pytest.approx(q)
    assert (
        SampleFolder(tmp_path).picture(taken.samples[0]) == cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    ).all()


def test_a_camera_without_camera_info_is_refused_by_name(tmp_path):
    board = load_yaml(config_file("board", "a4"), Board)
    taker = SampleTaker(SampleFolder(tmp_path), ARM, "wrist", board, hand_frame)
    with pytest.raises(
        CalibrationError, match=r"camera wrist: no camera_info beside its images: .*cameracalibrator"
    ):
        taker.begin({})
