import numpy as np
import pytest
from builtin_interfaces.msg import Time
from drift_core.task import CameraConfig
from drift_ros import qos
from drift_ros.camera_input import CameraInput
from drift_ros.images import to_compressed, to_image
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image


def camera(**changed: object) -> CameraConfig:
    fields = {"name": "front", "topic": "camera/front/image_raw", "height": 2, "width": 2, "latency_s": 0.0}
    return CameraConfig(**{**fields, **changed})


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_another_size_is_made_to_fit_and_said_once(transport):
    said = []
    source = CameraInput(camera(), transport, said.append)
    # 6x4: the middle 4x4 is kept, each 2x2 averaged; the columns of 200 are cut off
    grey = np.full((4, 6), 200, np.uint8)
    grey[:2, 1:3], grey[:2, 3:5], grey[2:, 1:3], grey[2:, 3:5] = 10, 20, 30, 40
    rgb = np.repeat(grey[..., None], 3, axis=2)
    for _ in range(3):
        msg = (
            to_image(rgb, "rgb8", Time(), "") if transport == "raw" else to_compressed(rgb, "png", Time(), "")
        )
        assert source.picture(msg)[..., 0].tolist() == [[10, 20], [30, 40]]
    assert said == [
        "camera front: pictures of 6x4 are made to fit the task's 2x2: their middle 4x4 is scaled"
    ]


def test_the_right_size_is_passed_on_without_a_word():
    said = []
    rgb = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    picture = CameraInput(camera(), "raw", said.append).picture(to_image(rgb, "rgb8", Time(), ""))
    assert (picture.tolist(), said) == (rgb.tolist(), [])


def test_transport_and_reliability_say_what_is_subscribed():
    plain = CameraInput(camera(), "raw", print)
    assert (plain.message_type, plain.topic) == (Image, "camera/front/image_raw")
    assert plain.qos.reliability is ReliabilityPolicy.BEST_EFFORT
    other = CameraInput(camera(reliability="reliable"), "compressed", print)
    assert (other.message_type, other.topic) == (CompressedImage, "camera/front/image_raw/compressed")
    assert other.qos.reliability is ReliabilityPolicy.RELIABLE
    assert (plain.qos.depth, other.qos.depth) == (5, 5)
    recorded = CameraInput(camera(), "raw", print, qos.RECORDED_DEPTH)
    assert (recorded.qos.depth, recorded.qos.reliability) == (30, ReliabilityPolicy.BEST_EFFORT)
