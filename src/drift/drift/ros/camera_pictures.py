"""The newest picture of a camera, of its own size, and how the camera projects."""

import numpy as np
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.errors import EncodingError
from drift_core.task import CameraConfig
from drift_ros import qos
from drift_ros.camera_input import CameraInput, ImageTransport
from drift_ros.images import to_rgb
from drift_ros.polling import Polled
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo


class CameraPictures:
    """Listens on a node."""

    def __init__(
        self, node: Node, camera: CameraConfig, transport: ImageTransport, info: bool = False
    ) -> None:
        """`info`: whether to listen to its camera_info, too."""
        source = CameraInput(camera, transport, lambda text: None)
        self.name = camera.name
        self.newest: np.ndarray | None = None  # (H, W, 3) uint8 RGB
        self.trouble = ""  # why its pictures cannot be shown
        self.intrinsics: Intrinsics | None = None
        self._images = Polled(node, source.message_type, source.topic, source.qos)
        self._infos = Polled(node, CameraInfo, camera.info_topic, qos.SENSOR) if info else None

    def take(self) -> None:
        """Take in what has come."""
        if (image := self._images.newest()) is not None:
            try:
                self.newest, self.trouble = to_rgb(image), ""
            except EncodingError as error:
                self.trouble = str(error)
        if self._infos is not None and (info := self._infos.newest()) is not None:
            self.intrinsics = _intrinsics(info)


def _intrinsics(msg: CameraInfo) -> Intrinsics:
    return Intrinsics(
        msg.width, msg.height, np.array(msg.k).reshape(3, 3), np.array(msg.d), msg.distortion_model
    )
