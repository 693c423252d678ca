"""One camera of the task: what to subscribe to, and its messages as pictures of the task's size."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from drift_core.observation.fit import fit, kept
from drift_core.task import CameraConfig
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from drift_ros import qos
from drift_ros.images import to_rgb

ImageTransport = Literal["raw", "compressed"]


class CameraInput:
    """Policy and recorder look at a camera through this alone: training sees what the policy sees."""

    def __init__(
        self,
        camera: CameraConfig,
        transport: ImageTransport,
        say: Callable[[str], None],
        depth: int = qos.SENSOR.depth,
    ) -> None:
        """`say` is told once for each other size that pictures are made to fit. `depth`: images that may
        wait to be looked at."""
        self._camera, self._say = camera, say
        self._said: set[tuple[int, int]] = set()
        self.message_type = CompressedImage if transport == "compressed" else Image
        self.topic = f"{camera.topic}/compressed" if transport == "compressed" else camera.topic
        offered = qos.SENSOR_RELIABLE if camera.reliability == "reliable" else qos.SENSOR
        self.qos = QoSProfile(depth=depth, reliability=offered.reliability)

    def picture(self, msg: Image | CompressedImage) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of the task's size; EncodingError if there is no colour in it."""
        image, camera = to_rgb(msg), self._camera
        size = image.shape[:2]
        if size != (camera.height, camera.width) and size not in self._said:
            self._said.add(size)
            _, _, rows, columns = kept(*size, camera.height, camera.width)
            self._say(
                f"camera {camera.name}: pictures of {size[1]}x{size[0]} are made to fit the task's "
                f"{camera.width}x{camera.height}: their middle {columns}x{rows} is scaled"
            )
        return fit(image, camera.height, camera.width)
