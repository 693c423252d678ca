from datetime import date

import cv2
import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_core.calibration.camera_place import CameraPlace, file_name, load_camera_place
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


TRANSFORM = StaticTransform.of("hand_tcp", "wrist_optical_frame", turned((0.0, 0.0, np.pi / 2)))
PLACE = CameraPlace(
    "ur5e", "wrist", date(2026, 11, 1), 0.06, (7e-5, 2e-4, 1e-4), (0.01, 0.02, 0.004), TRANSFORM
)


def test_what_is_published_is_said_in_the_words_of_tf2_ros():
    assert " ".join(TRANSFORM.words) == (
        "--x 0.1 --y -0.2 --z 0.3 --qx 0.0 --qy 0.0 --qz 0.7071068 --qw 0.7071068 --frame-id hand_tcp "
        "--child-frame-id wrist_optical_frame"
    )


def test_the_place_of_a_camera_is_read_back_with_its_age_and_error(tmp_path):
    path = tmp_path / file_name("ur5e", "wrist")
    path.write_text(PLACE.text(("12 samples", "0.1 px")))
    assert path.read_text().startswith("# 12 samples\n# 0.1 px\nrobot: ur5e\ncamera: wrist\n")
    assert load_camera_place(path) == PLACE
    assert PLACE.worth(date(2026, 11, 29)) == "28 days old, ±0.20 mm, ±0.020 deg, 0.06 px"
    assert PLACE.worth(date(2026, 11, 1)).startswith("today, ")


def test_a_place_that_was_copied_from_another_robot_or_is_no_rotation_is_refused(tmp_path):
    copied = tmp_path / "panda_wrist.yaml"
    copied.write_text(PLACE.text(()))
    with pytest.raises(ConfigError, match="is of robot ur5e and camera wrist, whose file is ur5e_wrist.yaml"):
        load_camera_place(copied)
    bent = tmp_path / "ur5e_wrist.yaml"
    bent.write_text(PLACE.text(()).replace("0.7071068]", "0.9]"))
    with pytest.raises(ConfigError, match=r"ur5e_wrist.yaml:\d+: .*must have length 1, has 1.1446"):
        load_camera_place(bent)
