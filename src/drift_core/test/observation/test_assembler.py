"""Observations from samples that are late, early, doubled, out of order or broken."""

import numpy as np
import pytest
from drift_core.errors import DataError, ShapeError
from drift_core.observation.assembler import Assembler, Missing, Refused
from drift_core.observation.spec import CameraSpec, Observation, ObservationSpec
from hypothesis import given, settings
from hypothesis import strategies as st

TWO_CAMERAS = (CameraSpec("front", 2, 3), CameraSpec("wrist", 2, 3))
ONE_CAMERA = TWO_CAMERAS[:1]


def state_of(positions_rad, gripper_m):
    return np.array([*positions_rad, gripper_m])


def assembler(cameras=ONE_CAMERA, steps=1, dt_s=0.1, latency_s=0.0):
    spec = ObservationSpec(cameras, state_dim=2, observation_steps=steps, dt_s=dt_s)
    return Assembler(spec, state_of, {camera.name: latency_s for camera in cameras})


def picture(value):
    return np.full((2, 3, 3), value, np.uint8)


def put_frame(a, stamp_s, value=0, camera="front"):
    return a.put_frame(camera, picture(value), stamp_s, arrival_s=stamp_s)


def put_joints(a, stamp_s, q, gripper_m=0.0):
    return a.put_joints(np.array([q]), gripper_m, stamp_s, arrival_s=stamp_s)


def put_ramp(a, start_s=0.0, end_s=1.0):
    """Joint angle = time, 100 Hz."""
    for n in range(round(start_s * 100), round(end_s * 100) + 1):
        put_joints(a, n / 100, n / 100)


def test_joints_are_interpolated_at_the_time_of_the_frame():
    a = assembler()
    put_joints(a, 1.00, q=2.0, gripper_m=0.04)
    put_joints(a, 1.02, q=4.0, gripper_m=0.08)
    put_frame(a, 1.005, value=7)
    seen = a.assemble()
    assert isinstance(seen, Observation)
    assert seen.t_ref_s == 1.005
    np.testing.assert_allclose(seen.state, [[2.5, 0.05]], rtol=1e-6)
    assert seen.state.dtype == np.float32
    assert seen.images["front"].shape == (1, 2, 3, 3) and (seen.images["front"] == 7).all()
    assert seen.oldest_input_s == 1.00


def test_a_joint_sample_at_the_time_of_the_frame_is_taken_as_it_is():
    a = assembler()
    put_joints(a, 1.0, q=0.123456789)
    put_frame(a, 1.0)
    seen = a.assemble()
    assert seen.state[0, 0] == np.float32(0.123456789)


def test_the_latency_of_a_camera_is_taken_off_its_stamp():
    a = assembler(latency_s=0.05)
    put_ramp(a)
    put_frame(a, 0.55)
    seen = a.assemble()
    assert seen.t_ref_s == pytest.approx(0.5)
    assert seen.state[0, 0] == pytest.approx(0.5)


def test_t_ref_is_the_newest_time_that_every_camera_has_reached():
    a = assembler(TWO_CAMERAS)
    put_ramp(a)
    put_frame(a, 0.50, 1, "front")
    assert a.assemble() == Missing("wrist: never received")
    put_frame(a, 0.48, 2, "wrist")
    assert a.assemble().t_ref_s == 0.48
    put_frame(a, 0.60, 3, "front")
    seen = a.assemble()
    assert seen.t_ref_s == 0.48
    assert seen.images["front"][0, 0, 0, 0] == 1, "the frame at 0.50 is nearer to 0.48 than the one at 0.60"


def test_a_camera_that_stopped_holds_observations_back():
    a = assembler(TWO_CAMERAS)
    put_ramp(a, 0.0, 3.0)
    put_frame(a, 0.5, camera="wrist")
    for n in range(5, 31):
        put_frame(a, n / 10, camera="front")
    missing = a.assemble()
    assert missing == Missing("front: no frame within 0.05 s of t_ref - 0 s")


def test_history_is_the_nearest_frame_within_half_a_step():
    a = assembler(steps=2)
    put_ramp(a)
    put_frame(a, 0.36, 1)
    put_frame(a, 0.42, 2)
    put_frame(a, 0.50, 3)
    seen = a.assemble()
    assert seen.images["front"][:, 0, 0, 0].tolist() == [2, 3], "0.42 is 0.02 from 0.40, 0.36 is 0.04"
    np.testing.assert_allclose(seen.state[:, 0], [0.4, 0.5], rtol=1e-6)
    assert seen.oldest_input_s == pytest.approx(0.4), "the joints at 0.40"


@pytest.mark.parametrize(("older_s", "found"), [(0.351, True), (0.45, True), (0.349, False), (0.451, False)])
def test_history_further_than_half_a_step_is_missing(older_s, found):
    a = assembler(steps=2)
    put_ramp(a)
    put_frame(a, older_s)
    put_frame(a, 0.50)
    seen = a.assemble()
    if found:
        assert isinstance(seen, Observation)
    else:
        assert seen == Missing("front: no frame within 0.05 s of t_ref - 0.1 s")


def test_one_observation_step_needs_no_history():
    a = assembler(steps=1)
    put_ramp(a)
    put_frame(a, 0.0)
    assert isinstance(a.assemble(), Observation)


def test_joints_that_are_late_are_waited_for():
    a = assembler()
    put_joints(a, 0.49, 0.49)
    put_frame(a, 0.495)
    assert a.assemble() == Missing("joints: not known at t_ref - 0 s: newest sample is 0.005 s before it")
    put_joints(a, 0.50, 0.50)
    assert a.assemble().state[0, 0] == pytest.approx(0.495)


def test_joints_with_a_gap_longer_than_a_step_are_not_interpolated():
    a = assembler()
    put_joints(a, 0.0, 0.0)
    put_joints(a, 0.2, 0.2)
    put_frame(a, 0.1)
    assert a.assemble() == Missing("joints: gap of 0.2 s at t_ref - 0 s")


def test_no_joints_at_all_is_said():
    a = assembler()
    put_frame(a, 0.1)
    assert a.assemble() == Missing("joints: never received")


def test_joints_that_are_not_finite_are_refused_and_named_when_they_are_missing():
    a = assembler()
    refused = a.put_joints(np.array([np.nan]), 0.0, 0.1, 0.1)
    assert refused == Refused("joints: positions_rad=[nan], gripper_m=0.0 must be finite")
    put_frame(a, 0.1)
    assert a.assemble().reason == f"joints: never received (last refused: {refused.reason})"
    put_joints(a, 0.1, 0.0)
    assert isinstance(a.assemble(), Observation)


def test_a_stamp_that_is_not_finite_is_refused():
    a = assembler()
    assert put_frame(a, np.nan) == Refused("front: stamp_s=nan must be finite")


def test_duplicates_are_dropped_and_the_first_one_stays():
    a = assembler()
    put_ramp(a)
    assert put_frame(a, 0.5, 1) is None
    assert put_frame(a, 0.5, 2) == Refused("camera front: stamp_s=0.500000 is a duplicate or too old")
    assert a.assemble().images["front"][0, 0, 0, 0] == 1
    assert isinstance(put_joints(a, 0.5, 9.0), Refused)


def test_an_older_frame_is_put_in_its_place_and_does_not_move_t_ref_back():
    a = assembler(steps=2)
    put_ramp(a)
    put_frame(a, 0.5, 5)
    assert isinstance(a.assemble(), Missing)
    put_frame(a, 0.4, 4)
    seen = a.assemble()
    assert seen.t_ref_s == 0.5
    assert seen.images["front"][:, 0, 0, 0].tolist() == [4, 5]


def test_a_frame_older_than_everything_kept_is_ignored():
    a = assembler()
    put_frame(a, 10.0)
    assert isinstance(put_frame(a, 1.0), Refused)


def test_history_is_bounded():
    a = assembler()
    for n in range(5000):
        put_joints(a, n * 1e-5, 0.0)
        put_frame(a, n / 10)
    assert len(a._joints.times_s) == 4096
    assert len(a._frames["front"].times_s) == 12, "dt 0.1 s and 1 s of slack at 10 Hz, both ends included"


@pytest.mark.parametrize(
    ("camera", "image", "error", "message"),
    [
        (
            "front",
            np.zeros((3, 2, 3), np.uint8),
            ShapeError,
            r"camera front: image must be \(2, 3, 3\) uint8, got \(3,",
        ),
        ("front", np.zeros((2, 3, 3)), ShapeError, "camera front: .* got .* float64"),
        ("frnt", np.zeros((2, 3, 3), np.uint8), DataError, "camera='frnt' is unknown; allowed: front"),
    ],
)
def test_a_wrong_image_is_refused_by_name(camera, image, error, message):
    with pytest.raises(error, match=message):
        assembler().put_frame(camera, image, 0.0, 0.0)


def test_another_number_of_joints_is_refused():
    a = assembler()
    put_joints(a, 0.0, 0.0)
    with pytest.raises(ShapeError, match=r"must be \(1,\) as before, got \(2,\)"):
        a.put_joints(np.zeros(2), 0.0, 0.1, 0.1)


def test_latencies_must_name_the_cameras():
    spec = ObservationSpec(ONE_CAMERA, 2, 1, 0.1)
    with pytest.raises(DataError, match=r"latency_s=\['side'\] must name the cameras \['front'\]"):
        Assembler(spec, state_of, {"side": 0.0})


def test_without_cameras_the_newest_joints_are_the_observation():
    a = assembler(cameras=())
    put_joints(a, 0.1, 1.0)
    put_joints(a, 0.2, 2.0)
    seen = a.assemble()
    assert seen.t_ref_s == 0.2 and seen.state[0, 0] == 2.0 and seen.images == {}


def test_the_newest_frame_of_each_camera_is_told():
    a = assembler(cameras=TWO_CAMERAS, latency_s=0.02)
    put_frame(a, 0.5)
    put_frame(a, 0.4)
    assert a.newest_s() == {"front": 0.48}


def test_reset_forgets_everything():
    a = assembler()
    put_ramp(a)
    put_frame(a, 0.5)
    a.reset()
    assert a.assemble() == Missing("front: never received")


@settings(max_examples=60, deadline=None)
@given(st.permutations([("f", n) for n in range(6)] + [("j", n) for n in range(12)]))
def test_the_order_of_arrival_does_not_change_the_observation(arrivals):
    a = assembler(steps=2)
    for kind, n in arrivals:
        if kind == "f":
            put_frame(a, 1000.0 + n / 10, n)
        else:
            put_joints(a, 1000.0 + n / 20, q=n**2)
    seen = a.assemble()
    assert seen.t_ref_s == 1000.5
    assert seen.images["front"][:, 0, 0, 0].tolist() == [4, 5]
    np.testing.assert_allclose(seen.state[:, 0], [64.0, 100.0], rtol=1e-5)
