import math

import numpy as np
import pytest
from drift_control.chunks.clock import ChunkClock
from drift_control.inputs import Chunk
from drift_control.robot.pose import rotation_6d, rotation_from_vector, rotation_vector


def clock(data, action_space="tcp_pose", dt_s=0.1, cubic=False):
    """Return the clock of a chunk whose observation is at 100 s: first set-point due at 100.1 s."""
    chunk = Chunk(1, 1, 100.0, dt_s, np.asarray(data, dtype=float), action_space, 1, 100.0, 0.0)
    return ChunkClock(chunk, cubic)


def rows(xs, yaws=None, grippers=None):
    """Return TCP set-points along x, turned about z."""
    yaws, grippers = yaws or [0.0] * len(xs), grippers or [0.0] * len(xs)
    return [
        [x, 0, 0, *rotation_6d(rotation_from_vector(np.array([0, 0, yaw]))), gripper]
        for x, yaw, gripper in zip(xs, yaws, grippers, strict=True)
    ]


def test_step_i_is_due_i_plus_one_periods_after_the_stamp():
    data = clock(rows([0.1, 0.2, 0.3]))
    assert [data.at(t).pose.position[0] for t in (100.1, 100.2, 100.3)] == pytest.approx([0.1, 0.2, 0.3])
    assert data.end_s == pytest.approx(100.3)


def test_between_set_points_the_position_is_linear_and_so_is_the_gripper():
    point = clock(rows([0.1, 0.2], grippers=[0.08, 0.0])).at(100.125)
    assert point.pose.position[0] == pytest.approx(0.125)
    assert point.gripper_m == pytest.approx(0.06)
    assert point.twist[:3] == pytest.approx([1.0, 0, 0])  # 0.1 m in 0.1 s


def test_between_set_points_the_rotation_is_a_slerp():
    point = clock(rows([0, 0], yaws=[0.2, 0.6])).at(100.125)
    assert rotation_vector(point.pose.rotation) == pytest.approx([0, 0, 0.3])
    assert point.twist[3:] == pytest.approx([0, 0, 4.0])  # 0.4 rad in 0.1 s


def test_before_the_first_and_after_the_last_due_time_the_chunk_stands_still():
    data = clock(rows([0.1, 0.2]))
    for time, x in ((99.0, 0.1), (105.0, 0.2)):
        point = data.at(time)
        assert point.pose.position[0] == pytest.approx(x)
        assert not point.twist.any()


def test_a_cubic_passes_a_corner_smoothly():
    # Catmull-Rom slopes per step at 0, 0, 1, 1: 0, 0.5, 0.5, 0. Halfway between steps 2 and 3 of four:
    # (m0 - m1) / 8 + 1/2 = 0.5; a quarter of the way between steps 1 and 2 with slopes 0 and 0.5:
    # (u^3 - u^2) * 0.5 = (1/64 - 1/16) / 2 = -0.0234.
    data = clock(rows([0.0, 0.0, 1.0, 1.0]), cubic=True)
    assert data.at(100.25).pose.position[0] == pytest.approx(0.5)
    assert data.at(100.125).pose.position[0] == pytest.approx(-0.0234375)
    before, after = (data.at(100.2 + e).twist[0] for e in (-1e-6, 1e-6))
    assert before == pytest.approx(after, abs=1e-3) == pytest.approx(5.0, abs=1e-3)


def test_the_twist_is_the_slope_of_the_cubic():
    data = clock(rows([0.0, 0.1, 0.4, 0.3]), cubic=True)
    step = 1e-6
    for time in (100.13, 100.22, 100.29, 100.37):
        slope = (data.at(time + step).pose.position[0] - data.at(time).pose.position[0]) / step
        assert data.at(time).twist[0] == pytest.approx(slope, abs=1e-3)


def test_joint_chunks_are_interpolated_joint_by_joint():
    point = clock([[0.0, 1.0, 0.02], [0.2, 0.0, 0.04]], "joint_position").at(100.15)
    assert point.pose is None
    assert point.joints == pytest.approx([0.1, 0.5])
    assert point.joint_velocity == pytest.approx([2.0, -10.0])
    assert point.gripper_m == pytest.approx(0.03)


def test_a_single_set_point_is_a_place_to_stay():
    point = clock(rows([0.3], yaws=[math.pi / 2])).at(100.5)
    assert point.pose.position[0] == 0.3
    assert not point.twist.any()


def test_who_asks_for_the_same_time_again_gets_the_same_and_another_time_in_between_changes_nothing():
    data = clock(rows([0.1, 0.2, 0.3]))
    first = data.at(100.15)
    assert data.at(100.15) is first
    assert data.at(100.25).pose.position[0] == pytest.approx(0.25)
    assert data.at(100.15).pose.position[0] == first.pose.position[0] == pytest.approx(0.15)
