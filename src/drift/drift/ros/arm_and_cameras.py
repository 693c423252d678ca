"""What arm and cameras say, for the commands that measure them; nothing is published."""

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from drift_control.robot.config import RobotConfig
from drift_control.robot.joint_states import JointStateMerger
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.task import CameraConfig
from drift_ros import qos
from drift_ros.camera_input import CameraInput, ImageTransport
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.errors import SessionError
from drift_ros.images import to_rgb
from drift_ros.joint_state_topics import JointStateTopics
from drift_ros.session import SessionClient
from sensor_msgs.msg import CameraInfo

OnPicture = Callable[[str, float, np.ndarray, str], None]  # camera, stamp [s], (H, W, 3) RGB, frame_id
_SLICE_S = 0.01  # joint states are looked at so often
_HEARD_S = 8.0


class ArmAndCameras:
    """Listens on the node of a client; `on_picture` is told every picture, in full size."""

    def __init__(
        self,
        client: SessionClient,
        robot: RobotConfig,
        cameras: Sequence[CameraConfig],
        transport: ImageTransport,
        on_picture: OnPicture,
        keep_s: float = math.inf,
    ) -> None:
        """`keep_s`: joint states that are older than the newest by more are forgotten."""
        self._client, self._on_picture = client, on_picture
        self._topics = JointStateTopics(client.node, robot.joint_state_topics)
        self._merger = JointStateMerger(robot)
        self._joint_topics = robot.joint_state_topics
        self._keep_s = keep_s
        self._joint_s: deque[float] = deque()
        self._joints: deque[np.ndarray] = deque()
        self.infos: dict[str, Intrinsics] = {}
        self._silent = {}
        for camera in cameras:
            source = CameraInput(camera, transport, print)
            self._silent[camera.name] = source.topic
            client.node.create_subscription(
                source.message_type, source.topic, self._told(camera.name), source.qos
            )
            client.node.create_subscription(
                CameraInfo, camera.info_topic, self._informed(camera.name), qos.SENSOR
            )

    @property
    def joint_s(self) -> np.ndarray:
        """Stamps (M,) of the joint states, rising."""
        return np.array(self._joint_s)

    @property
    def joints_rad(self) -> np.ndarray:
        """Joints of the arm (M, J)."""
        return np.array(self._joints)

    def spin(self, duration_s: float) -> None:
        """Listen for a while."""
        end_s = steady_s() + duration_s
        while (left_s := end_s - steady_s()) > 0.0:
            self._client.spin(min(left_s, _SLICE_S))
            now_s = ros_s(self._client.node.get_clock())
            for message in self._topics.take():
                if self._merger.merge(message, now_s) and (reading := self._merger.reading):
                    self._take(reading.stamp_s, reading.positions_rad)

    def _take(self, stamp_s: float, positions_rad: np.ndarray) -> None:
        if not self._joint_s or stamp_s > self._joint_s[-1]:
            self._joint_s.append(stamp_s)
            self._joints.append(positions_rad)
        while self._joint_s[-1] - self._joint_s[0] > self._keep_s:
            self._joint_s.popleft()
            self._joints.popleft()

    def wait(self) -> None:
        """Listen until something came of everything; SessionError names what did not come."""
        end_s = steady_s() + _HEARD_S
        while self._silent or not self._joint_s:
            if steady_s() > end_s:
                self._refuse()
            self.spin(0.1)

    def _refuse(self) -> None:
        missing = [*self._silent.values(), *(() if self._joint_s else self._joint_topics)]
        raise SessionError(
            f"nothing usable on {', '.join(missing)} within {_HEARD_S:g} s: do the arm's and the "
            "camera's drivers run?"
        )

    def _told(self, camera: str) -> Callable[..., None]:
        def on_image(message) -> None:
            self._silent.pop(camera, None)
            self._on_picture(
                camera, to_seconds(message.header.stamp), to_rgb(message), message.header.frame_id
            )

        return on_image

    def _informed(self, camera: str) -> Callable[[CameraInfo], None]:
        def on_info(message: CameraInfo) -> None:
            matrix = np.array(message.k).reshape(3, 3)
            self.infos[camera] = Intrinsics(
                message.width, message.height, matrix, np.array(message.d), message.distortion_model
            )

        return on_info
