import numpy as np
import pytest
from board_poses import angle_deg, frame, hands, truth
from drift_core.calibration.board import Board
from drift_core.calibration.hand_eye import View, calibrate_hand_eye
from drift_core.calibration.intrinsics import Intrinsics
from drift_core.errors import CalibrationError
from hypothesis import given, settings
from hypothesis import strategies as st

BOARD = Board(7, 5, 0.04, 0.03, "DICT_5X5_100")
CAMERA = Intrinsics(
    640,
    480,
    np.array([[580.0, 0.0, 319.5], [0.0, 580.0, 239.5], [0.0, 0.0, 1.0]]),
    np.array([0.05, -0.1, 0.001, 0.0, 0.0]),
)


def views(mount, n=10, seed=0, noise_px=0.0, tilt=(25.0, 25.0, 25.0), square_m=0.04):
    """Return what the camera sees of a board whose squares really measure `square_m`."""
    rng = np.random.default_rng(seed)
    camera, board = truth(mount)
    ids = np.arange(BOARD.n_corners)
    points = BOARD.corners_m(ids) * square_m / BOARD.square_m
    seen = []
    for hand in hands(mount, n, rng, tilt):
        between = np.linalg.inv(hand) if mount == "hand" else hand
        corners = CAMERA.project(points, np.linalg.inv(camera) @ between @ board)
        seen.append(View(hand, ids, corners + noise_px * rng.normal(size=corners.shape)))
    return seen


@settings(max_examples=4, deadline=None)
@given(mount=st.sampled_from(["hand", "base"]), seed=st.integers(0, 30))
def test_without_noise_the_camera_is_found_exactly(mount, seed):
    found = calibrate_hand_eye(views(mount, seed=seed), BOARD, CAMERA, mount)
    camera, board = truth(mount)
    for is_, should in ((found.camera, camera), (found.board, board)):
        assert np.linalg.norm(is_[:3, 3] - should[:3, 3]) < 1e-6 and angle_deg(is_, should) < 1e-4
    assert found.rms_px < 1e-4 and found.scale == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("mount", ["hand", "base"])
def test_the_error_is_of_the_size_of_the_stated_deviation(mount):
    found = calibrate_hand_eye(views(mount, noise_px=0.3), BOARD, CAMERA, mount)
    error_m = np.linalg.norm(found.camera[:3, 3] - truth(mount)[0][:3, 3])
    assert error_m < 3.0 * np.linalg.norm(found.std_m) and np.linalg.norm(found.std_m) < 0.002
    assert found.rms_px == pytest.approx(0.3 * np.sqrt(2.0), rel=0.15)  # of two coordinates
    ratio = np.linalg.norm(found.std_m) / np.linalg.norm(found.pixel_std_m)
    assert 0.3 < ratio < 3.0  # here the pictures are all that is wrong


def test_fewer_than_eight_samples_are_refused():
    with pytest.raises(CalibrationError, match="7 samples, at least 8 are needed"):
        calibrate_hand_eye(views("hand", 7), BOARD, CAMERA, "hand")


def test_turns_about_one_axis_only_are_refused_with_their_spread():
    only_z = views("hand", tilt=(0.0, 0.0, 40.0))
    with pytest.raises(
        CalibrationError, match=r"one axis only: by 2\d\.\d° .* by 0\.0° about the next, at least 5° are"
    ):
        calibrate_hand_eye(only_z, BOARD, CAMERA, "hand")


@pytest.mark.parametrize("mount", ["hand", "base"])
def test_a_print_of_the_wrong_size_is_measured_by_the_arm(mount):
    with pytest.raises(
        CalibrationError, match=r"scale is wrong: .* a square measures 3(7\.9|8\.0)\d mm .* square_m=0\.04"
    ):
        calibrate_hand_eye(views(mount, square_m=0.038, noise_px=0.1), BOARD, CAMERA, mount)


def test_a_camera_that_is_not_where_it_is_said_to_be_contradicts():
    with pytest.raises(CalibrationError, match=r"contradict each other: .* at most 3 px"):
        calibrate_hand_eye(views("hand"), BOARD, CAMERA, "base")


def test_a_board_that_was_moved_names_the_sample():
    moved = views("hand", 10)
    moved[4] = View(
        moved[4].hand @ frame((0.0, 0.0, 0.0), (0.05, 0.0, 0.0)), moved[4].ids, moved[4].corners_px
    )
    with pytest.raises(CalibrationError, match=r"worst in sample 5 of 10"):
        calibrate_hand_eye(moved, BOARD, CAMERA, "hand")


@pytest.mark.parametrize(
    ("matrix", "distortion", "model", "said"),
    [
        (
            np.zeros((3, 3)),
            np.zeros(0),
            "plumb_bob",
            "camera wrist is not calibrated: K of its camera_info is",
        ),
        (
            np.eye(3),
            np.zeros(4),
            "equidistant",
            "distortion_model='equidistant' of camera_info must be one of plumb_bob",
        ),
        (
            np.eye(3),
            np.zeros(3),
            "plumb_bob",
            "plumb_bob must have 0 or 4 or 5 numbers, d of its camera_info has 3",
        ),
    ],
)
def test_a_camera_without_calibration_is_named_with_the_remedy(matrix, distortion, model, said):
    with pytest.raises(CalibrationError) as raised:
        Intrinsics(640, 480, matrix, distortion, model).check("wrist")
    assert said in str(raised.value) and "cameracalibrator" in str(raised.value)
