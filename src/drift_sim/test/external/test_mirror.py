"""The cell that is told what is where: it places, refuses and judges as the one that is simulated."""

import numpy as np
import pytest
from drift_control.robot import ik
from drift_control.robot.pose import Pose
from drift_sim.external.mirror import Mirror
from drift_sim.scenes.scene import TaskOutcome
from drift_sim.world import World

OPEN = np.array([0.04, 0.04])


@pytest.fixture
def mirror(robots, tasks):
    mirror = Mirror(robots["ur5e"], tasks["place"])
    mirror.show_joints(mirror.robot.home, OPEN)
    assert mirror.reset_objects(7)
    return mirror


def at(x, y, z):
    return Pose(np.array([x, y, z]), np.eye(3))


def test_a_seed_means_the_same_as_in_mujoco(mirror, robots, tasks):
    world = World(robots["ur5e"], tasks["place"])
    world.reset(7)
    things = mirror.things()
    assert list(things) == ["object", "goal"]
    assert np.array_equal(things["object"].position, world.truth().object.position)
    assert np.array_equal(things["object"].rotation, world.truth().object.rotation)
    assert np.array_equal(things["goal"].position, world.truth().goal.position)


def test_an_arm_at_the_place_of_the_box_is_in_the_way_and_nothing_is_placed(mirror):
    robot, before = mirror.robot, mirror.things()
    target = Pose(before["object"].position, robot.forward(robot.home).rotation)
    q = robot.home
    for _ in range(10):
        q = ik.solve(robot, target, q).q
    mirror.show_thing("object", at(0.5, -0.3, 0.02), 1.0)
    mirror.show_joints(q, np.array([0.0, 0.0]))  # a closed hand, where seed 7 wants the box
    assert not mirror.reset_objects(7)
    assert mirror.things()["object"].position == pytest.approx([0.5, -0.3, 0.02])
    mirror.show_joints(robot.home, OPEN)
    assert mirror.reset_objects(7)


def test_success_is_a_box_that_rests_on_the_disc_released_for_a_fifth_of_a_second(mirror):
    x, y, _ = mirror.things()["goal"].position
    outcomes = []
    for n in range(6):  # every 50 ms from 10.0 s
        mirror.show_thing("object", at(x + 0.01, y, 0.02), 10.0 + 0.05 * n)
        outcomes.append(mirror.judge(10.0 + 0.05 * n))
    assert outcomes == [TaskOutcome.RUNNING] * 4 + [TaskOutcome.SUCCESS] * 2  # 10.20 s is the fifth
    mirror.show_thing("object", at(0.0, 0.0, 0.02), 11.0)
    assert mirror.judge(11.0) == TaskOutcome.SUCCESS  # it stays until the next reset
    assert mirror.reset_objects(8) and mirror.outcome() == TaskOutcome.RUNNING


@pytest.mark.parametrize(
    "dx, z, fingers",
    [(0.03, 0.02, 0.04), (0.0, 0.03, 0.04), (0.0, 0.02, 0.02)],
    ids=["beside", "above", "held"],
)
def test_no_success_beside_the_disc_above_it_or_held(mirror, dx, z, fingers):
    x, y, _ = mirror.things()["goal"].position
    mirror.show_joints(mirror.robot.home, np.array([fingers, fingers]))
    for n in range(20):
        mirror.show_thing("object", at(x + dx, y, z), 0.05 * n)
        assert mirror.judge(0.05 * n) == TaskOutcome.RUNNING


def test_a_box_that_slides_over_the_disc_has_not_come_to_rest(mirror):
    x, y, _ = mirror.things()["goal"].position
    for n in range(20):  # 25 mm/s, above the 20 mm/s that count as rest
        mirror.show_thing("object", at(x - 0.012 + 0.025 * 0.05 * n, y, 0.02), 0.05 * n)
        assert mirror.judge(0.05 * n) == TaskOutcome.RUNNING
        assert n == 0 or mirror.data.qvel[-6] == pytest.approx(0.025, rel=1e-6)


def test_a_box_beyond_the_table_is_lost(mirror):
    mirror.show_thing("object", at(0.8, 0.0, 0.02), 1.0)
    assert mirror.judge(1.0) == TaskOutcome.FAILURE


def test_poses_far_apart_in_time_give_no_velocity(mirror):
    mirror.show_thing("object", at(0.5, 0.0, 0.02), 1.0)
    mirror.show_thing("object", at(0.6, 0.0, 0.02), 2.0)
    assert np.array_equal(mirror.data.qvel[-6:], np.zeros(6))


def test_the_goal_is_where_it_is_seen(mirror):
    turned = np.array(((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    mirror.show_thing("goal", Pose(np.array([0.45, 0.1, 0.0]), turned), 1.0)
    mirror.judge(1.0)
    assert mirror.truth().goal.position == pytest.approx([0.45, 0.1, 0.0])
    assert mirror.truth().goal.rotation == pytest.approx(turned)
