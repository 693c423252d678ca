import math

import numpy as np
from drift_sim.mjcf import look_at, quaternion, text


def test_numbers_keep_all_their_digits():
    assert text((0.1, 1 / 3)) == "0.1 0.3333333333333333"
    assert text(True) == "true"


def test_quaternion_of_a_quarter_turn_about_z():
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(quaternion(turn), [math.sqrt(0.5), 0, 0, math.sqrt(0.5)], atol=1e-15)


def test_quaternion_of_half_turns_about_each_axis():
    for axis in range(3):
        turn = -np.eye(3)
        turn[axis, axis] = 1.0
        expected = np.zeros(4)
        expected[1 + axis] = 1.0
        np.testing.assert_allclose(np.abs(quaternion(turn)), expected, atol=1e-15)


def test_a_camera_at_x_looking_home_has_y_to_its_right_and_z_up():
    np.testing.assert_allclose(look_at(np.array([2.0, 0, 0]), np.zeros(3)), [0, 1, 0, 0, 0, 1], atol=1e-15)
