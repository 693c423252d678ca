import math

import numpy as np
import pytest
from drift_control.arms import ARMS
from drift_control.robot import ik
from drift_control.robot.collision import CapsuleModel, box_distance, segment_distance

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


@pytest.mark.parametrize("name", ARMS)
def test_nothing_touches_anywhere_in_the_workspace_with_the_hand_down(robots, name):
    robot = robots[name]
    model, home = CapsuleModel(robot), robot.forward(robot.home)
    low, high = np.array([0.30, -0.30, 0.012]), np.array([0.65, 0.30, 0.45])
    low, high = np.maximum(low, robot.config.workspace.low_m), np.minimum(high, robot.config.workspace.high_m)
    for corner in np.stack(np.meshgrid(*np.linspace(low, high, 4).T), axis=-1).reshape(-1, 3):
        q = robot.home
        for _ in range(10):
            q = ik.solve(robot, type(home)(corner, home.rotation), q).q
        if np.linalg.norm(robot.forward(q).position - corner) > 1e-3:
            continue  # out of reach
        ends = model.place(robot.joint_frames(q[None]))
        assert model.self_clearance_m(ends).min() > 0.01, corner
        assert model.height_m(ends).min() > 0.0, corner


def test_the_panda_folded_onto_itself_touches(panda):
    # Elbow and wrist bent in as far as they go: the hand runs into the upper arm.
    q = [0.0, 0.0, 0.0, -2.97, 0.0, 0.3, 0.0]
    model, ends = placed(panda, q)
    assert model.self_clearance_m(ends).min() < 0.0


def test_the_ur5e_folded_onto_itself_touches(ur5e):
    q = [0.0, -1.57, 2.9, 0.0, 1.57, 0.0]
    model, ends = placed(ur5e, q)
    assert model.self_clearance_m(ends).min() < 0.02


def test_a_lying_ur5e_is_in_the_table(ur5e):
    # Stretched out at shoulder height the links are above it; with the shoulder leaning forward they are not.
    model, ends = placed(ur5e, np.zeros(6))
    lying = model.place(ur5e.joint_frames(np.array([[0, 0.4, 0, 0, 0, 0.0]])))
    assert model.height_m(lying).min() < 0.0 < model.height_m(ends).min() + 0.1


def test_clearance_to_a_box_is_that_of_the_nearest_capsule(panda):
    # At home the finger tips' capsule ends 0.1034 - 0.075 = 0.0284 above the TCP, 0.025 wide.
    model, ends = placed(panda, panda.home)
    tcp = panda.forward(panda.home).position
    top = tcp[2] + 0.0284 - 0.025 - 0.01  # a box 1 cm below the capsule
    low, high = np.array([0.35, -0.5, -1.0]), np.array([1.0, 0.5, top])
    assert model.box_clearance_m(ends, low, high).min() == pytest.approx(0.01, abs=1e-3)


@pytest.mark.parametrize(("name", "deep"), [("upper_arm", 0.0435), ("forearm", 0.0337)])
@pytest.mark.parametrize("share", [0.25, 0.4, 0.75])
def test_a_thin_post_through_a_long_link_is_in_it(ur5e, name, deep, share):
    # 2 cm wide, anywhere on the axis: the centre of a sphere is within a quarter of the radius, so that the
    # post is in by at least three quarters of the radius, 58 and 45 mm.
    model, ends = placed(ur5e, ur5e.home)
    index = [capsule.name for capsule in ur5e.capsules].index(name)
    start, end = ends[0, index, :, 0], ends[0, index, :, 1]
    on_axis = start + share * (end - start)
    assert model.box_clearance_m(ends, on_axis - 0.01, on_axis + 0.01).min() <= -deep


@pytest.mark.parametrize("name", ARMS)
def test_clearance_to_a_box_is_never_more_than_the_true_one_and_hardly_less(robots, name):
    robot, rng = robots[name], np.random.default_rng(2)
    model = CapsuleModel(robot)
    capsules = [(i, c) for i, c in enumerate(robot.capsules) if c.frame > 0]
    checked = 0
    for _ in range(400):
        ends = model.place(robot.joint_frames(rng.uniform(robot.low, robot.high)[None]))
        low = rng.uniform(-0.6, 0.5, 3)
        high = low + rng.uniform(0.01, 0.5, 3)
        clearance = model.box_clearance_m(ends, low, high)[0]
        for got, (i, capsule) in zip(clearance, capsules, strict=True):
            start, end = ends[0, i, :, 0], ends[0, i, :, 1]
            points = start + np.linspace(0.0, 1.0, 1001)[:, None] * (end - start)
            true = box_distance(points, low, high).min() - capsule.radius_m
            if true <= 0.0:
                assert got < 0.0
            elif true < 0.02:
                assert true - 0.04 * capsule.radius_m <= got <= true + 1e-5
                checked += 1
            else:
                assert 0.0 < got <= true + 1e-5
    assert checked > 20


def test_a_point_is_as_far_from_a_box_as_from_its_next_face_or_corner():
    low, high = np.zeros(3), np.array([2.0, 2.0, 1.0])
    points = np.array([[5.0, 6.0, 0.5], [1.0, 1.0, 3.0], [0.3, 1.0, 0.5], [1.0, 1.0, 0.9]])
    assert box_distance(points, low, high) == pytest.approx([5.0, 2.0, -0.3, -0.1])  # 3-4-5; above; inside


def test_the_base_which_stands_still_is_not_measured_against_boxes(panda):
    # A plate of 8 cm under the arm: only the shoulder, which turns about its own axis, reaches into it.
    model, ends = placed(panda, panda.home)
    clearance = model.box_clearance_m(ends, np.array([-0.2, -0.3, 0.0]), np.array([0.7, 0.3, 0.08]))[0]
    assert clearance.shape == (len(panda.capsules) - 1,)
    assert (clearance < 0.0).tolist() == [True] + [False] * 8
