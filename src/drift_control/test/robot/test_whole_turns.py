"""A joint that is a whole turn away from home looks and moves as if it was there."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.gate.state import State
from drift_control.robot.robot import TURN_RAD, Robot

PAN, ELBOW, WRIST_3 = 0, 2, 5


def test_joints_that_can_turn_by_more_than_a_turn_are_known(ur5e, panda):
    assert ur5e.turning.tolist() == [True, True, False, True, True, True]
    assert not panda.turning.any()


@pytest.mark.parametrize("joint", [PAN, WRIST_3])
def test_the_policy_sees_the_state_at_home_not_one_a_turn_away(ur5e, joint):
    q = ur5e.home.copy()
    q[joint] += TURN_RAD
    assert np.allclose(ur5e.state(q, 0.08), ur5e.state(ur5e.home, 0.08), atol=1e-12)


def test_a_state_within_half_a_turn_of_home_is_given_to_the_bit(ur5e):
    q = ur5e.home + np.array([3.1, -3.1, 1.0, 3.1, -3.1, 3.1])
    assert np.array_equal(ur5e.state(q, 0.08)[10:], q)


def test_many_joint_positions_at_once_are_given_without_their_turns(ur5e):
    turns = np.array([[1, -1, 0, 1, -1, 1], [0, 0, 0, 0, 0, -1]])
    assert np.allclose(ur5e.near_home(ur5e.home + TURN_RAD * turns), ur5e.home, atol=1e-12)
    elbow = ur5e.home + np.eye(6)[ELBOW] * TURN_RAD  # it cannot turn that far: nothing is taken away
    assert np.array_equal(ur5e.near_home(elbow), elbow)


@pytest.mark.parametrize(
    ("q", "near", "turned"),
    [
        (-1.8715, 4.4, -1.8715 + TURN_RAD),
        (-1.8715, 6.1, -1.8715 + TURN_RAD),
        (3.0, 6.183, 3.0),  # 9.28 is beyond the limit of 6.183
        (-3.0, -6.183, -3.0),
        (0.0, 1.0, 0.0),
    ],
)
def test_the_nearest_turn_is_inside_the_limits(ur5e, q, near, turned):
    goal, here = np.zeros(6), np.zeros(6)
    goal[WRIST_3], here[WRIST_3] = q, near
    assert ur5e.nearest_turn(goal, here)[WRIST_3] == pytest.approx(turned, abs=1e-12)


@pytest.mark.parametrize("joint", [PAN, WRIST_3])
def test_an_arm_a_turn_from_home_homes_without_unwinding(new_bench, ur5e, joint):
    bench = new_bench("ur5e")
    bench.q = ur5e.home.copy()
    bench.q[joint] += TURN_RAD - 0.1
    bench.tick(home=True)
    bench.run(2.0)
    assert bench.ticks[-1].text == "at home"
    assert bench.q[joint] == pytest.approx(ur5e.home[joint] + TURN_RAD, abs=0.01)
    assert bench.tick(arm=True).armed


def test_a_home_whose_nearest_turn_is_beyond_the_limit_is_reached_the_long_way(new_bench, ur5e):
    home = list(ur5e.config.home_rad)
    home[WRIST_3] = 3.0
    robot = Robot(replace(ur5e.config, home_rad=tuple(home)))
    bench = new_bench(robot)
    bench.q[WRIST_3] = 6.18
    bench.tick(home=True)
    bench.run(8.0)
    assert bench.ticks[-1].text == "at home" and bench.q[WRIST_3] == pytest.approx(3.0, abs=0.01)


def test_a_chunk_of_joint_positions_is_reached_at_the_turn_where_the_arm_is(new_bench, ur5e):
    bench = new_bench("ur5e")
    bench.q[WRIST_3] += TURN_RAD
    bench.tick(arm=True)
    goal = ur5e.home.copy()
    goal[WRIST_3] += 0.1
    data = np.tile(np.append(goal, 0.08), (16, 1))
    bench.run(1.5, chunk=lambda: bench.chunk(data, action_space="joint_position"))
    assert bench.ticks[-1].state is State.POLICY
    assert bench.q[WRIST_3] == pytest.approx(goal[WRIST_3] + TURN_RAD, abs=0.01)
    assert np.abs(bench.commands[:, WRIST_3] - ur5e.home[WRIST_3] - TURN_RAD).max() < 0.11


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_chunks_from_both_sides_of_half_a_turn_are_one_motion(new_bench, ur5e, interpolation):
    # wrist 3 goes on at 0.4 rad/s; beyond home + pi the policy sees it at home - pi
    motions = []
    for start_rad in (1.0, np.pi - 0.1):
        bench = new_bench("ur5e", interpolation=interpolation)
        bench.q = ur5e.home.copy()
        bench.q[WRIST_3] += start_rad
        bench.tick(arm=True)
        for _ in range(8):
            data = np.tile(np.append(ur5e.near_home(bench.q), 0.08), (16, 1))
            data[:, WRIST_3] += 0.04 * np.arange(1, 17)
            bench.run(0.2, chunk=bench.chunk(data, action_space="joint_position"))
        motions.append(bench.commands[:, WRIST_3] - ur5e.home[WRIST_3] - start_rad)
    elsewhere, across = motions
    assert across[-1] > 0.3 and np.abs(across - elsewhere).max() < 1e-6
