import math

import numpy as np
import pytest
from drift_control.collision import CapsuleModel, segment_distance

CROSSED = [  # p1, q1, p2, q2, distance
    ((0, 0, 0), (1, 0, 0), (0, 0, 2), (1, 0, 2), 2.0),  # parallel
    ((0, 0, 0), (2, 0, 0), (1, -1, 1), (1, 1, 1), 1.0),  # crossing above
    ((0, 0, 0), (1, 0, 0), (3, 0, 0), (4, 0, 0), 2.0),  # in line
    ((0, 0, 0), (1, 0, 0), (2, 1, 0), (2, 1, 0), math.sqrt(2)),  # a point beyond the end
    ((0, 0, 0), (0, 0, 0), (3, 4, 0), (3, 4, 0), 5.0),  # two points
]


@pytest.mark.parametrize("case", CROSSED)
def test_distance_of_segments(case):
    *ends, distance = case
    points = [np.array(end, dtype=float)[None] for end in ends]
    assert segment_distance(*points)[0] == pytest.approx(distance)
    assert segment_distance(*points[2:], *points[:2])[0] == pytest.approx(distance)


def placed(robot, q):
    model = CapsuleModel(robot)
    return model, model.place(robot.joint_frames(np.array(q, dtype=float)[None]))


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_nothing_touches_anywhere_in_the_workspace_with_the_hand_down(robots, name):
    robot = robots[name]
    model, home = CapsuleModel(robot), robot.forward(robot.home)
    low, high = np.array([0.30, -0.30, 0.012]), np.array([0.65, 0.30, 0.45])
    for corner in np.stack(np.meshgrid(*np.linspace(low, high, 4).T), axis=-1).reshape(-1, 3):
        q = robot.home
        for _ in range(10):
            q = robot.inverse(type(home)(corner, home.rotation), q).q
        if np.linalg.norm(robot.forward(q).position - corner) > 1e-3:
            continue  # out of reach
        ends = model.place(robot.joint_frames(q[None]))
        assert model.self_clearance_m(ends)[0] > 0.01, corner
        assert model.height_m(ends)[0] > 0.0, corner


def test_the_panda_folded_onto_itself_touches(panda):
    # Elbow and wrist bent in as far as they go: the hand runs into the upper arm.
    q = [0.0, 0.0, 0.0, -2.97, 0.0, 0.3, 0.0]
    model, ends = placed(panda, q)
    assert model.self_clearance_m(ends)[0] < 0.0


def test_the_ur5e_folded_onto_itself_touches(ur5e):
    q = [0.0, -1.57, 2.9, 0.0, 1.57, 0.0]
    model, ends = placed(ur5e, q)
    assert model.self_clearance_m(ends)[0] < 0.02


def test_a_lying_ur5e_is_in_the_table(ur5e):
    # Stretched out at shoulder height the links are above it; with the shoulder leaning forward they are not.
    model, ends = placed(ur5e, np.zeros(6))
    lying = model.place(ur5e.joint_frames(np.array([[0, 0.4, 0, 0, 0, 0.0]])))
    assert model.height_m(lying)[0] < 0.0 < model.height_m(ends)[0] + 0.1


def test_clearance_to_a_box_is_that_of_the_nearest_sphere(panda):
    # At home the finger tips' capsule ends 0.1034 - 0.075 = 0.0284 above the TCP, 0.025 wide.
    model, ends = placed(panda, panda.home)
    tcp = panda.forward(panda.home).position
    top = tcp[2] + 0.0284 - 0.025 - 0.05  # a box 5 cm below the capsule
    low, high = np.array([0.35, -0.5, -1.0]), np.array([1.0, 0.5, top])
    assert model.box_clearance_m(ends, low, high)[0] == pytest.approx(0.05, abs=1e-3)
