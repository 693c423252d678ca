"""What a scene objects to, and how closely a line is looked at."""

import numpy as np
import pytest
from drift_control.guard.path import ArmPath
from drift_control.planning.scene import MARGIN_M, STEP_M, Scene
from drift_control.robot.collision import CapsuleModel
from hypothesis import given, settings
from hypothesis import strategies as st


def test_a_turn_of_the_first_joint_is_sampled_every_two_centimetres_of_the_farthest_point(panda):
    # From joint 1 outwards 0 + 0.316 + 0.0825 + hypot(0.0825, 0.384) + 0 + 0.088 + 0.107 m to the mount,
    # and from there to the end of the hand's hull 0.064 + 0.11 m at the most.
    turned = panda.home + np.array([1.0, 0, 0, 0, 0, 0, 0])
    reach_m = Scene(panda)._reach_m[0]
    assert 0.316 + 0.0825 + np.hypot(0.0825, 0.384) + 0.088 + 0.107 < reach_m < 1.2
    assert len(Scene(panda).line(panda.home, turned)) == 1 + np.ceil(reach_m / STEP_M)


def test_between_two_samples_no_point_of_the_hull_moves_by_more_than_a_step(robots):
    @settings(max_examples=60, deadline=None)
    @given(name=st.sampled_from(sorted(robots)), seed=st.integers(0, 10**6))
    def holds(name, seed):
        robot, rng = robots[name], np.random.default_rng(seed)
        start, end = rng.uniform(robot.low, robot.high, (2, robot.n_joints))
        path = ArmPath(robot, CapsuleModel(robot), Scene(robot).line(start, end))
        ends = np.moveaxis(path.ends, 2, 3).reshape(len(path.q), -1, 3)
        assert np.linalg.norm(np.diff(ends, axis=0), axis=2).max() <= STEP_M
        assert np.linalg.norm(np.diff(path.tcp_position, axis=0), axis=1).max() <= STEP_M

    holds()


def test_a_pose_is_objected_to_by_the_name_of_the_box(scene, posted, beside):
    poses = np.array((beside, posted.home))
    assert scene.objection(poses) is None
    found = scene.way_objection(poses)
    assert found.index == 0 and found.text.startswith("the arm would enter keep-out box post with the TCP at")


def test_the_first_of_many_poses_that_breaks_a_rule_is_named(scene, posted):
    below = posted.home.copy()
    below[1] += 1.2  # forward and down, into the table
    found = scene.objection(np.array((posted.home, posted.home, below)))
    assert found.index == 2 and ("table" in found.text or "workspace" in found.text)


def test_an_arm_that_is_outside_may_come_back_and_not_go_further(panda):
    scene, out = Scene(panda), panda.home.copy()
    out[0] = 1.2  # the TCP at y = 0.42 m, the workspace ends at 0.40 m
    further = out.copy()
    further[0] = 1.4
    assert "leave the workspace" in scene.objection(out[None]).text
    assert scene.way_objection(np.array((out, panda.home))) is None
    assert "leave the workspace" in scene.way_objection(np.array((out, further))).text


def test_a_margin_is_kept_unless_an_end_is_nearer(scene, posted, beside):
    kept = scene.margins(posted.home, beside)
    nearest = scene.excess(np.array((posted.home, beside))).max(axis=0)
    assert (kept <= 0.0).all() and (kept >= -MARGIN_M).all()
    assert kept[nearest < -MARGIN_M] == pytest.approx(-MARGIN_M)
    near = (nearest > -MARGIN_M) & (nearest < 0.0)
    assert kept[near] == pytest.approx(nearest[near])
