"""The Panda with a post between its home and its right."""

from dataclasses import replace

import numpy as np
import pytest
from drift_control.planning.scene import Scene
from drift_control.robot import ik
from drift_control.robot.config import Box
from drift_control.robot.pose import Pose
from drift_control.robot.robot import Robot

POST = Box("post", (0.42, -0.21, 0.0), (0.55, -0.19, 0.45))


def with_boxes(robot, *boxes):
    """Return the robot with other keep-out boxes."""
    workspace = replace(robot.config.workspace, keep_out=boxes)
    return Robot(replace(robot.config, workspace=workspace))


def above(robot, *position_m):
    """Return joint positions with the TCP there, the hand as at home."""
    pose = Pose(np.array(position_m), robot.forward(robot.home).rotation)
    result = ik.solve(robot, pose, robot.home, 200)
    assert result.converged
    return result.q


@pytest.fixture(scope="session", params=["panda", "ur5e"])
def posted(request, robots):
    """A robot with the post."""
    return with_boxes(robots[request.param], POST)


@pytest.fixture(scope="session")
def scene(posted):
    return Scene(posted)


@pytest.fixture(scope="session")
def beside(posted):
    """Joint positions beyond the post, seen from home."""
    return above(posted, 0.40, -0.38, 0.2)
