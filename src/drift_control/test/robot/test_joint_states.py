"""Joint states in parts, at different rates, from several publishers, and with values that cannot be."""

import math

import numpy as np
import pytest
from drift_control.inputs import JointMessage
from drift_control.publishers import Publisher
from drift_control.robot.joint_states import JointStateMerger

ARM = [f"panda_joint{i}" for i in range(1, 8)]
FINGERS = ["finger_joint1", "finger_joint2"]
NOW_S = 1000.0  # ROS time
TIMEOUT_S = 0.2


@pytest.fixture
def merger(panda):
    return JointStateMerger(panda.config)


def put(merger, names, positions, stamp_s, arrival_s=None, publisher="/driver", ros_s=NOW_S, key=None):
    arrival_s = stamp_s if arrival_s is None else arrival_s
    sender = Publisher(key or publisher.encode(), publisher)
    message = JointMessage(names, positions, stamp_s, arrival_s, sender)
    return merger.reading if merger.merge(message, ros_s) else None


def test_arm_and_gripper_messages_are_merged_by_name(merger):
    assert put(merger, ARM, range(7), 10.0, 1.0) is None
    assert merger.reading is None
    reading = put(merger, FINGERS, [0.01, 0.02], 10.1, 1.1)
    assert reading.positions_rad.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert math.isclose(reading.gripper_m, 0.03)
    assert (reading.stamp_s, reading.arrival_s, reading.gripper_arrival_s) == (10.0, 1.0, 1.1)


def test_the_two_halves_of_an_arm_are_as_old_as_the_older_one(merger):
    put(merger, ARM + FINGERS, [0.0] * 9, 10.0, 1.0)
    assert put(merger, ARM[:3], [1.0] * 3, 10.2, 1.2) is None
    reading = put(merger, ARM[3:], [1.0] * 4, 10.3, 1.3)
    assert (reading.stamp_s, reading.arrival_s) == (10.2, 1.2)


@pytest.mark.parametrize(("rate_hz", "stamped"), [(15, True), (4, True), (15, False)])
def test_a_slow_or_unstamped_gripper_does_not_age_the_arm(merger, rate_hz, stamped):
    put(merger, FINGERS, [0.01, 0.01], 1.0 if stamped else 0.0, 1.0)
    readings = []
    for tick in range(1, 501):  # one second of an arm at 500 Hz
        time_s = 1.0 + tick / 500
        if tick % (500 // rate_hz) == 0:
            put(merger, FINGERS, [0.02, 0.02], time_s if stamped else 0.0, time_s)
        readings.append(put(merger, ARM, [time_s] * 7, time_s))
        assert readings[-1].stamp_s == readings[-1].positions_rad[0] == time_s
        assert merger.trouble(time_s, TIMEOUT_S) == ""
    assert readings[-1].gripper_m == 0.04
    assert time_s - readings[-1].gripper_arrival_s < 1 / rate_hz + 0.002


def test_a_gripper_that_is_silent_for_longer_than_its_own_limit_is_named(merger):
    put(merger, ARM + FINGERS, [0.0] * 9, 1.0)
    put(merger, ARM, [0.0] * 7, 1.45)
    assert merger.trouble(1.5, TIMEOUT_S) == ""  # gripper.state_timeout_s is 0.5
    assert merger.trouble(1.6, TIMEOUT_S) == "finger_joint1, finger_joint2: nothing for 0.6 s"


def test_order_and_strangers_do_not_matter(merger):
    names = ["wheel", *reversed(ARM), *FINGERS]
    reading = put(merger, names, [9.0, 6, 5, 4, 3, 2, 1, 0, 0.04, 0.04], 1.0)
    assert np.array_equal(reading.positions_rad, np.arange(7))
    assert reading.gripper_m == 0.08


def test_what_was_never_heard_of_is_named(merger):
    assert merger.trouble(1.0, TIMEOUT_S) == "all joints: never received"
    put(merger, ARM, range(7), 1.0)
    assert merger.trouble(1.0, TIMEOUT_S) == "finger_joint1, finger_joint2: never received"


@pytest.mark.parametrize(
    ("names", "positions", "stamp_s", "reason"),
    [
        (ARM, [math.nan, *[0.0] * 5, math.inf], 1.5, f"{ARM[0]}, {ARM[6]}: nothing for 0.5 s (not finite)"),
        (ARM, [0.0] * 6, 1.5, f"{', '.join(ARM)}: nothing for 0.5 s (7 names with 6 positions)"),
        (ARM, [0.0] * 7, 1.0, f"{', '.join(ARM)}: nothing for 0.5 s (its stamp stands still)"),
        (ARM, [0.0] * 7, 0.0, f"{', '.join(ARM)}: nothing for 0.5 s (without a stamp)"),
        (["wheel", *ARM], [math.nan, *range(7)], 1.5, ""),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_believed_is_not_taken_and_its_joint_is_named(
    merger, names, positions, stamp_s, reason
):
    put(merger, ARM + FINGERS, [0.0] * 9, 1.0)
    put(merger, names, positions, stamp_s, 1.5)
    assert merger.trouble(1.5, TIMEOUT_S) == reason
    put(merger, ARM, [0.0] * 7, 1.52)
    assert merger.trouble(1.52, TIMEOUT_S) == "finger_joint1, finger_joint2: nothing for 0.5 s"


@pytest.mark.parametrize(("ahead_s", "taken"), [(0.02, True), (0.05, False), (0.9, False)])
def test_a_stamp_ahead_of_the_clock_is_refused_and_said(merger, ahead_s, taken):
    reading = put(merger, ARM + FINGERS, [0.0] * 9, NOW_S + ahead_s, 1.0)
    assert (reading is not None) == taken
    said = f"all joints: never received (the stamp is {ahead_s:.2f} s ahead of the clock, allowed: 0.03 s)"
    assert merger.trouble(1.0, TIMEOUT_S) == ("" if taken else said)


@pytest.mark.parametrize("finger", [50.0, 127.0, 42.5, 0.05, -0.01, 1e300])
def test_an_opening_that_the_gripper_cannot_have_is_refused_by_name(merger, finger):
    put(merger, ARM, [0.0] * 7, 1.0)
    assert put(merger, FINGERS, [finger, finger], 1.0) is None
    said = f"at {finger:.4g}, an opening of {2 * finger:.4g} m, which must lie in [0, 0.08]"
    assert merger.trouble(1.0, TIMEOUT_S) == f"finger_joint1, finger_joint2: never received ({said})"


def test_fingers_that_come_one_by_one_are_judged_alone_and_together(merger):
    put(merger, ARM + FINGERS, [0.0] * 7 + [0.04, 0.042], 1.0)  # 2 mm too far: a real hand measures that
    assert merger.reading.gripper_m == 0.082
    put(merger, FINGERS[:1], [0.044], 1.1)  # 0.086 m
    put(merger, FINGERS[1:], [0.0], 1.2)
    assert merger.reading.gripper_m == 0.04
    assert merger.reading.gripper_arrival_s == 1.0


def test_publishers_of_different_joints_stand_side_by_side_and_one_may_follow_another(merger):
    for tick in range(10):
        put(merger, ARM, [0.0] * 7, 1.0 + tick, publisher="/arm")
        put(merger, FINGERS, [0.0] * 2, 1.0 + tick, publisher="/hand" if tick < 5 else "/hand (2)")
    assert merger.conflict(10.0) == ""


def test_the_same_joint_from_two_publishers_is_said_with_both_until_one_ends(merger):
    for tick in range(10):
        time_s = 1.0 + tick / 50
        put(merger, ARM + FINGERS, [0.0] * 9, time_s, publisher="/driver")
        put(merger, ARM, [0.1] * 7, time_s + 0.01, publisher="/echo")
    said = "two publishers of panda_joint1, panda_joint2, panda_joint3 and 4 more: /driver and /echo"
    assert merger.conflict(1.2) == said
    put(merger, ARM, [0.0] * 7, 3.5)
    assert merger.conflict(3.5) == ""


def test_nothing_is_taken_of_a_node_that_is_not_known_yet_and_its_name_makes_no_second_one(merger):
    put(merger, ARM + FINGERS, [0.0] * 9, 1.0, publisher="/driver")
    assert put(merger, ARM + FINGERS, [0.1] * 9, 1.01, publisher="", key=b"\x02") is None
    assert merger.trouble(1.3, TIMEOUT_S).endswith(
        "nothing for 0.3 s (it is not known yet which node sends them)"
    )
    put(merger, ARM + FINGERS, [0.0] * 9, 1.32, publisher="/driver")
    put(merger, ARM + FINGERS, [0.1] * 9, 1.33, publisher="/joint_state_publisher", key=b"\x02")
    put(merger, ARM + FINGERS, [0.0] * 9, 1.34, publisher="/driver")
    assert (merger.trouble(1.35, TIMEOUT_S), merger.conflict(1.35)) == ("", "")
    assert merger.reading.positions_rad.tolist() == [0.0] * 7


def test_what_joint_state_publisher_gives_a_new_stamp_is_not_taken(merger):
    assert put(merger, ARM + FINGERS, [0.0] * 9, 1.0, publisher="/joint_state_publisher") is None
    assert merger.trouble(1.0, TIMEOUT_S).startswith(
        "all joints: never received (from /joint_state_publisher, which gives old positions a new stamp: "
    )
