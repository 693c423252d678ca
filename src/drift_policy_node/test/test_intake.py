"""What becomes of pictures and joint states that are late, early, broken or missing."""

import numpy as np
import pytest
from drift_policy_node.status import Phase


def test_a_camera_that_stops_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.cameras = ("front",)
    rig.run(12)  # 0.6 s
    count = len(rig.chunks)
    rig.run(12)
    assert len(rig.chunks) == count
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING and status.text.startswith("camera wrist: nothing for 1.2 s")
    rig.cameras = ("front", "wrist")
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == Phase.ACTIVE


def test_a_picture_without_contrast_is_named_and_nothing_is_made(make_rig, bench):
    rig = make_rig(camera_contrast_min=2.0)  # of the rig's pictures none has any
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    rig.run(12)
    assert rig.chunks == []
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING
    assert "camera front: never received (a picture without contrast: 0.0 of 255" in status.text


def test_a_camera_that_repeats_its_picture_while_the_arm_moves_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.frozen = "wrist"
    rig.sweep_rad = 0.02  # per tick
    rig.run(24)  # 1.2 s: believed for 0.5 s, silent for 0.5 s more
    count = len(rig.chunks)
    status = rig.runtime.status(rig.now_s)
    assert status.state == Phase.WAITING
    assert status.text.startswith(
        "camera wrist: nothing for 0.6 s (the same picture for 1.1 s, while a joint"
    )
    rig.run(10)
    assert len(rig.chunks) == count
    rig.frozen = ""
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == Phase.ACTIVE


def test_a_wrong_image_and_a_missing_joint_are_named(rig):
    rig.runtime.intake.put_frame("front", np.zeros((9, 9, 3), np.uint8), 100.0, 100.0, 100.0)
    rig.runtime.intake.put_joints(["panda_joint1"], [0.0], 100.0, 100.0, 100.0)
    text = rig.runtime.status(100.0).text
    assert (
        "camera front: never received (camera front: image must be (16, 16, 3) uint8, got (9, 9, 3) uint8)"
        in text
    )
    assert "joint_states: never received (not seen yet: " in text and "panda_joint7" in text
    assert "gate/state: never received" in text


def test_a_clock_that_is_set_back_does_not_stop_the_policy(rig):
    rig.run(10)
    rig.clock_s = -50.0
    rig.run(16)  # up to 51.3 s
    assert 51.0 < rig.chunks[-1].t_ref_s < 51.3
    count = len(rig.chunks)
    rig.run(8)
    assert len(rig.chunks) == count + 2


@pytest.mark.parametrize("source", ["front", "both", "joints"])
def test_one_stamp_far_ahead_of_the_clock_is_refused_and_stops_nothing(rig, source):
    rig.run(10)
    if source == "joints":
        rig.put_joints(rig.now_s + 1000.0)
    else:
        for camera in rig.cameras if source == "both" else [source]:
            rig.show(camera, rig.now_s + 1000.0)
    count = len(rig.chunks)
    rig.run(40)  # 2 s
    assert len(rig.chunks) == count + 10 and rig.runtime.status(rig.now_s).text == ""


def test_a_camera_whose_clock_is_ahead_is_named(rig):
    rig.delay_s["wrist"] = -5.0
    rig.run(12)
    text = rig.runtime.status(rig.now_s).text
    assert "camera wrist: never received (the stamp is 5.0 s ahead of the clock, allowed: 1.0 s)" in text


def test_one_late_frame_throws_nothing_away(rig):
    rig.run(20)
    count, last = len(rig.chunks), rig.chunks[-1]
    rig.show("front", rig.now_s - 1.3)
    rig.put_joints(rig.now_s - 1.3)
    assert rig.runtime.loop._last_chunk is last
    rig.run(8)
    assert len(rig.chunks) == count + 2
    assert rig.chunks[count].t_ref_s - last.t_ref_s == pytest.approx(0.2)


def test_pictures_that_come_too_late_are_named_and_nothing_is_made(rig):
    rig.delay_s["wrist"] = 0.3
    rig.run(20)
    assert rig.chunks and rig.runtime.status(rig.now_s).text == ""
    rig.delay_s["wrist"] = 0.6
    rig.run(14)
    count = len(rig.chunks)
    rig.run(10)
    assert len(rig.chunks) == count
    status = rig.runtime.status(rig.now_s)
    # 0.6 s late and 0.02 s of latency; of 0.5 s, 0.1 s are for the earlier of two observation steps
    assert status.state == Phase.WAITING
    assert status.text == "camera wrist: the newest picture is 0.62 s old, allowed: 0.40 s"
    rig.delay_s["wrist"] = 0.0
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


@pytest.mark.parametrize(
    ("position", "reason"),
    [(None, "without panda_joint7"), (float("nan"), "not finite: panda_joint7")],
)
def test_a_joint_that_vanishes_or_breaks_is_named(rig, position, reason):
    rig.run(10)
    rig.broken = {"panda_joint7": position}
    rig.run(24)
    text = rig.runtime.status(rig.now_s).text
    assert text.startswith("joint_states: nothing for 1.2 s") and f"({reason})" in text
    rig.broken, count = {}, len(rig.chunks)
    rig.run(10)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


def test_names_that_do_not_match_the_positions_are_named(rig):
    rig.runtime.intake.put_joints(rig.names, [0.0] * 8, 100.0, 100.0, 100.0)
    text = rig.runtime.status(100.0).text
    assert "joint_states: never received (9 names with 8 positions)" in text


def test_joint_states_whose_stamp_stands_still_are_named(rig):
    rig.run(10)
    stamp_s = rig.ros_s
    for _ in range(12):
        rig.now_s = round(rig.now_s + 0.05, 6)
        rig.put_joints(stamp_s)
    text = rig.runtime.status(rig.now_s).text
    assert "joint_states: nothing for 0.6 s (joints: stamp_s=100.500000 is a duplicate or too old)" in text
