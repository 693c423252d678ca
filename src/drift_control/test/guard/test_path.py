import numpy as np
import pytest
from drift_control.guard.motion_rules import motion_rules, violated
from drift_control.guard.path import StepPath
from drift_control.robot.collision import CapsuleModel
from drift_control.robot.motion import BrakingPath, MotionState


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_the_speed_of_the_tcp_along_a_path_is_what_the_jacobian_says(robots, name):
    robot, rng = robots[name], np.random.default_rng(5)
    q, v = rng.uniform(robot.low, robot.high, (6, robot.n_joints)), rng.normal(size=(6, robot.n_joints))
    now = MotionState(q[0], v[0], np.zeros(robot.n_joints))
    path = StepPath(robot, CapsuleModel(robot), now, BrakingPath(np.arange(5.0), q[1:], v[1:]), 0.02, 1.0)
    speeds = [np.linalg.norm(robot.jacobian(at)[:3] @ moving) for at, moving in zip(q, v, strict=True)]
    np.testing.assert_allclose(path.tcp_speed, speeds, rtol=1e-9)


@pytest.mark.parametrize("at", [0, 2])
def test_a_path_that_is_not_a_number_anywhere_is_admitted_by_no_rule(panda, at):
    q = np.tile(panda.home, (3, 1))
    q[at, 0] = np.nan  # the first joint moves all of the arm
    now = MotionState(q[0], np.zeros(7), np.zeros(7))
    braking = BrakingPath(np.arange(2.0), q[1:], np.zeros((2, 7)))
    path = StepPath(panda, CapsuleModel(panda), now, braking, 0.02, 1.0)
    rules = motion_rules(panda)
    assert len(rules) >= 5
    assert [violated(rule, path) for rule in rules] == [True] * len(rules)
