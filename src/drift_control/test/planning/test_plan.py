"""Plans lead from where they were asked to where they were asked, free and within the limits."""

from dataclasses import replace

import numpy as np
import pytest
from drift_config.errors import ConfigError
from drift_control.planning.plan import make_plan
from drift_control.planning.planner import NoWay
from drift_control.planning.planners.ompl import OmplPlanner
from drift_control.planning.scene import Scene
from drift_control.planning.shorten import shorten
from drift_control.planning.target import HOME, Joints, Named, TcpPose
from drift_control.planning.timing import times_s
from drift_control.robot.config import Box, RobotConfig
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import above, with_boxes


def plan(scene, start, target, planner=None, limit_s=20.0):
    planner = planner or OmplPlanner(scene, seed=0)
    return make_plan(planner, scene, start, target, limit_s, np.random.default_rng(0))


def densely(points, step_rad=0.002):
    """Return the lines through points (P, J), sampled so finely that nothing slips through."""
    parts = [
        np.linspace(a, b, 2 + int(np.abs(b - a).max() / step_rad))
        for a, b in zip(points[:-1], points[1:], strict=True)
    ]
    return np.concatenate(parts)


def test_home_is_reached_around_the_post(scene, posted, beside):
    assert scene.way_objection(np.array((beside, posted.home))) is not None  # straight it would be hit
    found = plan(scene, beside, HOME)
    assert np.array_equal(found.points[0], beside)
    assert np.array_equal(found.points[-1], posted.home)
    assert len(found.points) > 2
    assert scene.excess(densely(found.points)).max() <= 0.0
    assert (np.diff(found.times_s) > 0.0).all() and found.times_s[0] == 0.0


def test_every_plan_is_free_within_the_limits_and_ends_where_asked(panda):
    @settings(max_examples=8, deadline=None)
    @given(seed=st.integers(0, 10**6))
    def holds(seed):
        rng = np.random.default_rng(seed)
        low = rng.uniform((0.35, -0.15, 0.0), (0.5, 0.05, 0.05))
        box = Box("box", tuple(low.tolist()), tuple((low + rng.uniform(0.03, 0.12, 3)).tolist()))
        robot = with_boxes(panda, box)
        scene = Scene(robot)
        start = above(robot, *rng.uniform((0.35, -0.35, 0.1), (0.6, 0.35, 0.4)))
        goal = above(robot, *rng.uniform((0.35, -0.35, 0.1), (0.6, 0.35, 0.4)))
        if scene.objection(np.array((start, goal))) is not None:
            return
        points = plan(scene, start, Joints(goal)).points
        assert np.array_equal(points[0], start) and np.array_equal(points[-1], goal)
        q = densely(points)
        assert (q >= robot.low).all() and (q <= robot.high).all()
        # the margin, or as much as the ends keep, less what may be lost between two samples, half a step
        assert (scene.excess(q) <= scene.margins(start, goal) + 0.01).all()
        assert scene.excess(q).max() <= 0.01

    holds()


def test_where_the_way_is_free_it_is_straight_and_loads_no_library(panda):
    scene = Scene(panda)
    planner, start = OmplPlanner(scene, seed=0), above(panda, 0.5, 0.1, 0.3)
    assert len(plan(scene, start, HOME, planner).points) == 2
    assert planner._library is None


def test_from_a_pose_that_breaks_a_rule_the_way_begins_with_getting_out_of_it(panda):
    scene, start = Scene(panda), above(panda, 0.5, 0.1, 0.3)
    start[0] = 1.25
    assert scene.objection(start[None]) is not None
    points = plan(scene, start, HOME).points
    assert np.array_equal(points[0], start) and scene.way_objection(points) is None
    assert scene.objection(points[1:]) is None


def test_a_name_of_the_robots_file_a_pose_and_what_cannot_be(scene, posted):
    parked = above(posted, 0.5, 0.2, 0.3)
    named = Robot(replace(posted.config, poses_rad={"park": tuple(parked.tolist())}))
    assert np.allclose(plan(Scene(named), posted.home, Named("park")).points[-1], parked)
    with pytest.raises(NoWay, match=r"name='parc' must be one of home, park \(poses_rad"):
        plan(Scene(named), posted.home, Named("parc"))
    pose = Pose(np.array([0.40, -0.38, 0.2]), posted.forward(posted.home).rotation)
    end = posted.forward(plan(scene, posted.home, TcpPose(pose)).points[-1])
    assert np.allclose(end.position, pose.position, atol=1e-4)
    assert np.allclose(end.rotation, pose.rotation, atol=1e-3)
    with pytest.raises(NoWay, match=r"out of reach: no joint positions put the TCP at \[3.0, 0.0, 0.2\]"):
        plan(scene, posted.home, TcpPose(Pose(np.array([3.0, 0.0, 0.2]), pose.rotation)))
    inside = Pose(np.array([0.45, -0.2, 0.2]), pose.rotation)
    with pytest.raises(NoWay, match="the target is not free: .* keep-out box post"):
        plan(scene, posted.home, TcpPose(inside))
    with pytest.raises(NoWay, match=f"joints must be {posted.n_joints} finite numbers"):
        plan(scene, posted.home, Joints(np.zeros(3)))


def test_behind_a_wall_without_a_gap_there_is_no_way(panda):
    wall = Box("wall", (0.25, -0.21, 0.0), (2.0, -0.19, 2.0))  # the workspace begins at x = 0.25 m
    robot = with_boxes(panda, wall)
    aside = robot.home.copy()
    aside[0] = -0.95  # the TCP at (0.26, -0.37)
    with pytest.raises(NoWay, match=r"no way was found within \d.\d s; is there room"):
        plan(Scene(robot), aside, HOME, limit_s=1.0)


def test_a_way_that_the_guard_would_not_let_the_arm_go_is_none_whoever_planned_it(scene, posted, beside):
    class Careless:
        def way(self, start, goal, limit_s):
            return np.array((start, goal))

    with pytest.raises(NoWay, match="the guard would not let the arm go that way: .* post"):
        plan(scene, beside, HOME, Careless())


def test_a_detour_is_cut_where_that_is_free(panda):
    scene, aside = Scene(panda), above(panda, 0.5, 0.2, 0.35)
    points = np.array((panda.home, aside, panda.home + 0.05, aside, panda.home + 0.01))
    short = shorten(scene, points, scene.margins(panda.home), np.random.default_rng(0))
    assert np.array_equal(short, points[[0, -1]])


def test_a_line_takes_as_long_as_velocity_acceleration_and_jerk_allow(panda):
    # Joint 1 alone, 1 rad: up to 1.305 rad/s in v/a + a/j = 0.261 + 0.05 s, as long to rest, in both together
    # v * 0.311 s = 0.4059 rad; the other 0.5941 rad at full speed in 0.4553 s. 2 * 0.311 + 0.4553 = 1.0773 s.
    points = panda.home + np.outer((0.0, 1.0), (1, 0, 0, 0, 0, 0, 0))
    assert times_s(panda, points) == pytest.approx([0.0, 1.0773], abs=1e-3)


def test_a_named_pose_must_lie_within_the_limits(panda):
    far = (9.0, *panda.config.home_rad[1:])
    with pytest.raises(ValueError, match=r"poses_rad.park=9.0 must lie in \[-2.7973, 2.7973\]"):
        replace(panda.config, poses_rad={"park": far})
    assert issubclass(ConfigError, Exception) and isinstance(panda.config, RobotConfig)
