import numpy as np
import pytest
from drift_core.calibration.latency import Footage, estimate_latency, moving_time_s, speeds
from drift_core.errors import CalibrationError
from hypothesis import given, settings
from hypothesis import strategies as st


def joints_at(time_s, seed):
    """Return joints (N, 6) as by strokes of a joystick: each 0.3 to 1.1 s at a steady speed, or at rest."""
    rng = np.random.default_rng(seed)
    starts_s = np.cumsum(rng.uniform(0.3, 1.1, 200))
    speeds_rad_s = rng.normal(size=(200, 6)) * 0.2 * (rng.random((200, 1)) < 0.75)
    fine_s = np.arange(-1.0, 60.0, 0.005)
    speed = speeds_rad_s[np.searchsorted(starts_s, fine_s)]
    speed = np.stack(
        [np.convolve(v, np.full(30, 1 / 30), "same") for v in speed.T], axis=1
    )  # ramps of 0.15 s
    walked = np.cumsum(speed, axis=0) * 0.005
    return np.stack([np.interp(time_s, fine_s, q) for q in walked.T], axis=1)


def footage(latency_s, seed=0, seconds=25.0, noise=0.0, joints=joints_at):
    """Return pictures every 0.1 s and joints at 100 Hz; a fixed matrix says how the picture moves."""
    rng = np.random.default_rng([seed, 1])
    joint_s = np.arange(0.0, seconds, 0.01)
    exposure_s = np.arange(0.0, seconds, 0.1)
    moved = np.diff(joints(exposure_s, seed), axis=0, prepend=np.nan)
    motion = np.nan_to_num(moved) @ rng.normal(size=(moved.shape[1], 2)) * 20.0
    motion = motion + noise * motion.std() * rng.normal(size=motion.shape)
    return Footage.of(exposure_s + latency_s, motion, joint_s, joints(joint_s, seed))


def estimate(*parts):
    return estimate_latency(parts, np.random.default_rng(0))


@settings(max_examples=5, deadline=None)
@given(latency_s=st.floats(-0.3, 0.3), seed=st.integers(0, 20), noise=st.floats(0.0, 0.1))
def test_the_latency_of_any_camera_is_found_to_five_milliseconds(latency_s, seed, noise):
    found = estimate(footage(latency_s, seed, noise=noise))
    assert abs(found.latency_s - latency_s) < 0.005
    assert found.low_s - 0.002 <= found.latency_s <= found.high_s + 0.002


def test_what_moves_before_the_joints_has_a_negative_latency():
    assert estimate(footage(-0.02)).latency_s == pytest.approx(-0.02, abs=0.001)


def test_several_recordings_count_together_and_each_alone_would_be_too_short():
    whole = footage(0.12)
    parts = []
    for start_s, end_s in ((0.0, 9.0), (8.0, 17.0), (16.0, 25.0)):
        frames = (whole.frame_s >= start_s) & (whole.frame_s < end_s)
        joints = (whole.joint_s >= start_s) & (whole.joint_s < end_s)
        parts.append(
            Footage(
                whole.frame_s[frames], whole.motion[frames], whole.joint_s[joints], whole.joints_rad[joints]
            )
        )
    with pytest.raises(
        CalibrationError, match=r"the arm moved for \d\.\d s within what counts, 10 s are needed"
    ):
        estimate(parts[0])
    assert estimate(*parts).latency_s == pytest.approx(0.12, abs=0.002)


def test_an_arm_that_rests_is_too_little_motion():
    with pytest.raises(CalibrationError, match=r"too little motion: the arm moved for 0\.0 s"):
        estimate(footage(0.0, joints=lambda time_s, seed: 0.001 * joints_at(time_s, seed)))


def test_pictures_of_something_else_are_weak():
    other = footage(0.0, seed=1)
    arm = footage(0.0, seed=2)
    with pytest.raises(
        CalibrationError, match=r"weak: .* explain \d+ % of the changes in the picture, 50 % are needed"
    ):
        estimate(Footage(arm.frame_s, other.motion, arm.joint_s, arm.joints_rad))


def test_a_picture_in_which_nothing_moves_is_said():
    arm = footage(0.0)
    with pytest.raises(CalibrationError, match="nothing moves in the pictures"):
        estimate(Footage(arm.frame_s, 0.0 * arm.motion, arm.joint_s, arm.joints_rad))


def test_to_and_fro_in_one_rhythm_is_ambiguous():
    def to_and_fro(time_s, seed):
        return 0.2 * np.sin(2.0 * np.pi * time_s[:, None] / 0.8) * np.ones(6)

    with pytest.raises(CalibrationError, match=r"ambiguous: .* move irregularly"):
        estimate(footage(0.05, joints=to_and_fro))


def test_clocks_that_differ_by_more_than_a_second_are_named_or_weak():
    with pytest.raises(CalibrationError, match="clocks that differ|weak"):
        estimate(footage(1.03))


def test_noise_makes_the_answer_uncertain_before_it_makes_it_wrong():
    try:
        found = estimate(footage(0.04, seconds=14.0, noise=0.6))
    except CalibrationError as error:
        assert "not certain" in str(error) or "weak" in str(error)
    else:
        assert found.low_s <= 0.04 <= found.high_s


def test_joints_with_a_stamp_that_is_not_newer_are_left_out():
    stamps_s = np.array([0.0, 0.1, 0.1, 0.05, 0.2])
    kept = Footage.of(np.zeros(1), np.zeros((1, 2)), stamps_s, np.arange(5.0)[:, None])
    assert kept.joint_s.tolist() == [0.0, 0.1, 0.2] and kept.joints_rad.ravel().tolist() == [0.0, 1.0, 4.0]


def test_half_a_second_at_a_tenth_of_a_radian_per_second_is_half_a_second_of_motion():
    time_s = np.arange(0.0, 1.001, 0.01)
    assert moving_time_s(time_s, 0.1 * np.minimum(time_s, 0.5)[:, None]) == pytest.approx(0.5, abs=0.011)


def test_the_curves_to_look_at_coincide_once_the_latency_is_taken_off():
    part = footage(0.12)
    time_s, image, joints = speeds(part, 0.12)
    assert time_s[0] == pytest.approx(0.05) and max(image) == max(joints) == 1.0
    inside = slice(15, -15)  # joints are not known before the first
    assert np.corrcoef(image[inside], joints[inside])[0, 1] > 0.3
