"""Cameras while somebody looks at them: subscribed to, encoded in a thread of its own, the newest only."""

import threading
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from drift_core.errors import EncodingError
from drift_core.task import CameraConfig
from drift_ros import qos
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.images import to_rgb
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from drift_console_node.config import ConsoleConfig
from drift_console_node.exchange import Exchange, Frame


class Eyes:
    """Put pictures of the cameras that are looked at into the exchange, as JPEG."""

    def __init__(
        self,
        node: Node,
        cameras: Sequence[CameraConfig],
        config: ConsoleConfig,
        exchange: Exchange,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """`on_failure` is called from the thread that encodes, which then ends."""
        self._on_failure = on_failure
        self._node, self._config, self._exchange = node, config, exchange
        self._cameras = {camera.name: camera for camera in cameras}
        self._subscriptions: dict[str, Subscription] = {}
        self._sequences = dict.fromkeys(self._cameras, 0)
        self._newest: dict[str, Image | CompressedImage] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._unreadable: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="eyes", daemon=True)
        self._thread.start()

    def look_at(self, wanted: frozenset[str]) -> None:
        """Subscribe to these cameras and no others."""
        for name in self._subscriptions.keys() - wanted:
            self._node.destroy_subscription(self._subscriptions.pop(name))
        for name in wanted - self._subscriptions.keys():
            camera = self._cameras[name]
            compressed = self._config.image_transport == "compressed"
            message_type = CompressedImage if compressed else Image
            topic = f"{camera.topic}/compressed" if compressed else camera.topic
            offered = qos.SENSOR_RELIABLE if camera.reliability == "reliable" else qos.SENSOR
            newest = QoSProfile(depth=1, reliability=offered.reliability)
            self._subscriptions[name] = self._node.create_subscription(
                message_type, topic, partial(self._on_image, name), newest
            )

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(1.0)

    def _on_image(self, camera: str, msg: Image | CompressedImage) -> None:
        with self._changed:
            self._newest[camera] = msg
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._encode_all()
        except Exception as error:  # told to the node, which ends by it
            self._on_failure(error)

    def _encode_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._closed)
                if self._closed:
                    return
                newest, self._newest = self._newest, {}
            for camera, msg in newest.items():
                self._encode(camera, msg)

    def _encode(self, camera: str, msg: Image | CompressedImage) -> None:
        try:
            jpeg = self._jpeg(msg)
        except EncodingError as error:
            if camera not in self._unreadable:
                self._unreadable.add(camera)
                self._node.get_logger().warning(f"camera {camera}: {error}")
            return
        self._sequences[camera] += 1
        stamp_s = to_seconds(msg.header.stamp)
        age_s = ros_s(self._node.get_clock()) - stamp_s
        self._exchange.put_frame(camera, Frame(self._sequences[camera], stamp_s, age_s, steady_s(), jpeg))

    def _jpeg(self, msg: Image | CompressedImage) -> bytes:
        if isinstance(msg, CompressedImage) and "jpeg" in msg.format.lower() and len(msg.data):
            return bytes(msg.data)
        rgb: np.ndarray = to_rgb(msg)
        height, width = rgb.shape[:2]
        most = self._config.picture_width
        if width > most:
            rgb = cv2.resize(rgb, (most, max(1, round(height * most / width))), interpolation=cv2.INTER_AREA)
        quality = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        done, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), quality)
        if not done:
            raise EncodingError(f"a picture {rgb.dtype} {rgb.shape} could not be compressed as jpeg")
        return coded.tobytes()
