"""What becomes of pictures and joint states that are late, early, broken or missing."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.inputs import JointMessage
from drift_policy_node.status import PolicyPhase


def test_a_camera_that_stops_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.cameras = ("front",)
    rig.run(12)  # 0.6 s
    count = len(rig.chunks)
    rig.run(12)
    assert len(rig.chunks) == count
    status = rig.runtime.status(rig.now_s)
    assert status.state == PolicyPhase.WAITING and status.text.startswith("camera wrist: nothing for 1.2 s")
    rig.cameras = ("front", "wrist")
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == PolicyPhase.ACTIVE


def test_a_picture_without_contrast_is_named_and_nothing_is_made(make_rig, bench):
    rig = make_rig(camera_contrast_min=2.0)  # of the rig's pictures none has any
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    rig.run(12)
    assert rig.chunks == []
    status = rig.runtime.status(rig.now_s)
    assert status.state == PolicyPhase.WAITING
    assert "camera front: never received (a picture without contrast: 0.0 of 255" in status.text


def test_a_camera_that_repeats_its_picture_while_the_arm_moves_is_named_and_nothing_is_made(rig):
    rig.run(10)
    rig.frozen = "wrist"
    rig.sweep_rad = 0.02  # per tick
    rig.run(24)  # 1.2 s: believed for 0.5 s, silent for 0.5 s more
    count = len(rig.chunks)
    status = rig.runtime.status(rig.now_s)
    assert status.state == PolicyPhase.WAITING
    assert status.text.startswith(
        "camera wrist: nothing for 0.6 s (the same picture for 1.1 s, while a joint"
    )
    rig.run(10)
    assert len(rig.chunks) == count
    rig.frozen = ""
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).state == PolicyPhase.ACTIVE


def test_a_wrong_image_and_a_missing_joint_are_named(rig):
    rig.runtime.intake.put_frame("front", np.zeros((9, 9, 3), np.uint8), 100.0, 100.0, 100.0)
    rig.runtime.intake.put_joints(JointMessage(["panda_joint1"], [0.0], 100.0, 100.0), 100.0)
    text = rig.runtime.status(100.0).text
    assert (
        "camera front: never received (camera front: image must be (16, 16, 3) uint8, got (9, 9, 3) uint8)"
        in text
    )
    joints = "panda_joint7, finger_joint1, finger_joint2: never received"
    assert "joint_states: never received (panda_joint2, panda_joint3, " in text and joints in text
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


@pytest.mark.parametrize("ahead_s", [0.1, 0.15, 0.9, 5.0])
def test_a_camera_whose_clock_is_ahead_is_named(rig, ahead_s):
    rig.delay_s["wrist"] = -ahead_s
    rig.run(20)
    assert rig.chunks == []
    reason = f"the stamp is {ahead_s - 0.02:.2f} s ahead of the clock, allowed: 0.03 s, with latency_s=0.02"
    text = rig.runtime.status(rig.now_s).text
    assert f"camera wrist: never received ({reason} of the camera)" in text and "joint" not in text


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
    assert status.state == PolicyPhase.WAITING
    assert status.text == "camera wrist: the newest picture is 0.62 s old, allowed: 0.40 s"
    rig.delay_s["wrist"] = 0.0
    rig.run(8)
    assert len(rig.chunks) > count and rig.runtime.status(rig.now_s).text == ""


@pytest.mark.parametrize(
    ("position", "reason"),
    [
        (None, "panda_joint7: nothing for 1.2 s"),
        (float("nan"), "panda_joint7: nothing for 1.2 s (not finite)"),
    ],
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
    rig.runtime.intake.put_joints(JointMessage(rig.names, [0.0] * 8, 100.0, 100.0), 100.0)
    text = rig.runtime.status(100.0).text
    assert "joint_states: never received (all joints: never received (9 names with 8 positions))" in text


def test_joint_states_whose_stamp_stands_still_are_named(rig):
    rig.run(10)
    stamp_s = rig.ros_s
    for _ in range(12):
        rig.now_s = round(rig.now_s + 0.05, 6)
        rig.put_joints(stamp_s)
    text = rig.runtime.status(rig.now_s).text
    assert "joint_states: nothing for 0.6 s (all joints: nothing for 0.6 s (its stamp stands still))" in text


@pytest.mark.parametrize(("period_s", "stamped"), [(0.25, True), (0.1, False)])
def test_a_slow_or_unstamped_gripper_costs_no_chunk(rig, period_s, stamped):
    rig.finger_s, rig.finger_stamped = period_s, stamped
    rig.run(8)
    count = len(rig.chunks)
    rig.run(32)  # 1.6 s: a chunk each 0.2 s
    assert len(rig.chunks) == count + 8 and rig.runtime.status(rig.now_s).text == ""


@pytest.mark.parametrize(
    ("fingers", "reason"),
    [
        (50.0, " (at 50, an opening of 100 m, which must lie in [0, 0.08])"),
        (127.0, " (at 127, an opening of 254 m, which must lie in [0, 0.08])"),
        (-0.02, " (at -0.02, an opening of -0.04 m, which must lie in [0, 0.08])"),
    ],
)
def test_an_opening_that_cannot_be_is_named_and_nothing_is_made(rig, fingers, reason):
    rig.run(10)
    rig.fingers = fingers
    rig.run(30)  # 1.5 s; believed for 0.5 s, and the joints with it
    count = len(rig.chunks)
    rig.run(10)
    assert len(rig.chunks) == count
    text = rig.runtime.status(rig.now_s).text
    assert text.startswith("joint_states: nothing for ")
    assert text.endswith(f"(finger_joint1, finger_joint2: nothing for 2.0 s{reason})")


def test_a_gripper_that_falls_silent_is_named_beside_an_arm_that_speaks(rig):
    rig.finger_s = 0.1
    rig.run(10)
    rig.finger_s = 100.0
    rig.run(26)
    text = rig.runtime.status(rig.now_s).text
    assert "(finger_joint1, finger_joint2: nothing for 1." in text and "panda" not in text


def test_a_camera_whose_clock_is_behind_is_cured_by_a_negative_latency(make_rig, bench):
    cameras = tuple(replace(camera, latency_s=-0.3) for camera in bench.task.cameras)
    bench.task = replace(bench.task, cameras=cameras)
    rig = make_rig()
    rig.runtime.exchange.load_now(*bench.checkpoint(1))
    rig.delay_s = {"front": 0.3, "wrist": 0.3}
    rig.run(21)  # the newest pictures came one tick of 0.05 s ago
    assert rig.chunks and rig.now_s - rig.chunks[-1].t_ref_s < 0.16


def test_after_the_clock_was_set_back_by_less_than_a_second_no_old_picture_is_used(rig):
    rig.run(20)
    rig.clock_s = -0.9
    shown_s = rig.now_s
    rig.cameras = ()  # and no new one
    rig.run(16)
    assert rig.now_s - shown_s > 0.7
    assert rig.runtime.intake.delayed(rig.now_s, rig.ros_s).startswith("camera front: a picture came 0.")
