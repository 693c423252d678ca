import cv2
import numpy as np
import pytest
from drift_config.loader import load_yaml
from drift_core.calibration.transform import StaticTransform


def turned(vector):
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = cv2.Rodrigues(np.array(vector, dtype=float))[0], (0.1, -0.2, 0.3)
    return frame


@pytest.mark.parametrize(
    ("vector", "xyzw"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        ((0.0, 0.0, np.pi / 2), (0.0, 0.0, 0.7071068, 0.7071068)),
        ((np.pi, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)),
    ],
)
def test_the_quaternion_is_in_the_order_x_y_z_w(vector, xyzw):
    assert StaticTransform.of("tool0", "lens", turned(vector)).quaternion_xyzw == pytest.approx(
        xyzw, abs=1e-6
    )


def test_the_file_is_read_back_and_becomes_the_command(tmp_path):
    transform = StaticTransform.of("hand_tcp", "wrist_optical_frame", turned((0.0, 0.0, np.pi / 2)))
    path = tmp_path / "wrist.yaml"
    path.write_text(transform.text(("12 samples", "0.1 px")))
    assert path.read_text().startswith("# 12 samples\n# 0.1 px\nparent_frame: hand_tcp\n")
    assert load_yaml(path, StaticTransform) == transform
    assert transform.publisher == (
        "ros2 run tf2_ros static_transform_publisher --x 0.1 --y -0.2 --z 0.3 --qx 0.0 --qy 0.0 --qz "
        "0.7071068 "
        "--qw 0.7071068 --frame-id hand_tcp --child-frame-id wrist_optical_frame"
    )
