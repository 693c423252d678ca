"""Listen to a camera of the task."""

from collections.abc import Sequence
from datetime import date

from drift_core.errors import EncodingError
from drift_core.task import CameraConfig
from drift_ros import qos
from drift_ros.camera_input import CameraInput
from drift_ros.polling import Polled
from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image

from drift.doctor.finding import Finding
from drift.doctor.robot.calibrated import latency, places
from drift.doctor.robot.cameras import CameraHeard, calibration, camera
from drift.doctor.robot.clocks import Delay
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.graph import Arrivals, publishers, topics_of

_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


class CameraProbe:
    """Its pictures, of which the newest is decoded, and its camera_info."""

    def __init__(self, node: Node, wanted: CameraConfig) -> None:
        self._node, self.camera = node, wanted
        self._input = CameraInput(wanted, "raw", lambda text: None)
        self._images = Polled(node, Image, self._input.topic, self._input.qos)
        self._arrivals, self._newest = Arrivals(), b""
        self._focal_pixel: float | None = None
        info = f"{wanted.topic.rpartition('/')[0]}/camera_info"
        node.create_subscription(CameraInfo, info, self._on_info, qos.SENSOR)

    @property
    def topic(self) -> str:
        """Of its pictures, in full."""
        return str(self._images.topic_name)

    def look(self) -> None:
        """Read what has come."""
        for raw, info in self._images.take():
            self._arrivals.take(raw, info)
            self._newest = raw

    def delay(self) -> Delay | None:
        """Return arrivals less stamps; None where no picture had one."""
        least_s = self._arrivals.least_s
        return None if least_s is None else Delay(least_s, self._arrivals.count, self.camera.latency_s)

    def heard(self) -> CameraHeard:
        """Return what there is to judge."""
        infos = self._node.get_publishers_info_by_topic(self.topic)
        size, refusal, frame = None, "", ""
        if self._newest:
            msg = deserialize_message(self._newest, Image)
            size, frame = (msg.width, msg.height), msg.header.frame_id
            try:
                self._input.picture(msg)
            except EncodingError as error:
                refusal = str(error)
        return CameraHeard(
            publishers(self._node, self.topic),
            tuple(info.topic_type for info in infos),
            all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in infos),
            self._arrivals.rate_hz,
            size,
            refusal,
            self._focal_pixel,
            frame,
        )

    def _on_info(self, msg: CameraInfo) -> None:
        self._focal_pixel = float(msg.k[0])


def findings_of(
    node: Node, probes: Sequence[CameraProbe], wanted: Wanted, urdf: str | None
) -> list[tuple[str, Finding | None]]:
    """Return the rows about all cameras; `urdf`: the robot's description, None where nobody has one."""
    heard = [(probe.camera.name, probe.heard()) for probe in probes]
    picture_s, today = wanted.picture_s, date.today()
    frames = {name: seen.frame for name, seen in heard if seen.frame}
    elsewhere = topics_of(node, *_TYPES) - {probe.topic for probe in probes}
    rows: list[tuple[str, Finding | None]] = [
        (f"camera {name}", camera(probe.camera, picture_s, probe.topic, seen, elsewhere))
        for probe, (name, seen) in zip(probes, heard, strict=True)
    ]
    return [
        *rows,
        ("calibration", calibration(heard)),
        ("camera latency", latency(wanted, today)),
        ("camera places", places(wanted, frames, urdf, today)),
    ]
