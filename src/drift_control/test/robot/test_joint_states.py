import math

import numpy as np
from drift_control.robot.joint_states import JointStateMerger

ARM = [f"panda_joint{i}" for i in range(1, 8)]
FINGERS = ["finger_joint1", "finger_joint2"]


def test_arm_and_gripper_messages_are_merged_by_name(panda):
    merger = JointStateMerger(panda.config)
    assert merger.unheard == ARM + FINGERS
    assert merger.merge(ARM, range(7), 10.0, 1.0) is None
    assert merger.unheard == FINGERS
    reading = merger.merge(FINGERS, [0.01, 0.02], 10.1, 1.1)
    assert reading.positions_rad.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert math.isclose(reading.gripper_m, 0.03)
    assert (reading.stamp_s, reading.arrival_s) == (10.0, 1.0)  # as old as its oldest part


def test_order_and_strangers_do_not_matter(panda):
    merger = JointStateMerger(panda.config)
    names = ["wheel", *reversed(ARM), *FINGERS]
    reading = merger.merge(names, [9.0, 6, 5, 4, 3, 2, 1, 0, 0.04, 0.04], 1.0, 1.0)
    assert np.array_equal(reading.positions_rad, np.arange(7))
    assert reading.gripper_m == 0.08


def test_broken_messages_are_ignored(panda):
    merger = JointStateMerger(panda.config)
    assert merger.merge(ARM + FINGERS, [0.0] * 8, 1.0, 1.0) is None  # one value short
    assert merger.merge(ARM + FINGERS, [math.nan] + [0.0] * 8, 1.0, 1.0) is None
    assert merger.merge(ARM + FINGERS, [0.0] * 9, 2.0, 2.0).stamp_s == 2.0


def test_what_is_wrong_with_a_message_is_said_by_name(panda):
    merger = JointStateMerger(panda.config)
    assert merger.objection(ARM, [0.0] * 6) == "7 names with 6 positions"
    broken = [0.0, math.nan, 0.0, 0.0, math.inf, 0.0, 0.0]
    assert merger.objection(ARM, broken) == "not finite: panda_joint2, panda_joint5"
    assert merger.objection(["wheel", *ARM], [math.nan, *range(7)]) == ""


def test_joints_of_which_nothing_came_for_a_while_are_named(panda):
    merger = JointStateMerger(panda.config)
    merger.merge(ARM + FINGERS, range(9), 10.0, 1.0)
    merger.merge(ARM[:6] + FINGERS, range(8), 10.5, 1.5)
    assert merger.silent(1.0) == []
    assert merger.silent(1.2) == ["panda_joint7"]
