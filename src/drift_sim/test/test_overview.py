"""The camera for people: true to the cell, and without a trace in the pictures of the policy."""

from pathlib import Path

import numpy as np
import pytest
from drift_control.robot.pose import Pose
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_sim.overview import Overview
from drift_sim.scenes.scene import Truth
from drift_sim.world import World

CONFIG = Path(__file__).resolve().parents[3] / "config"
ROBOT, TASK = load_robot(CONFIG / "robots" / "panda.yaml"), load_task(CONFIG / "tasks" / "place.yaml")


def test_the_policy_sees_to_the_byte_what_it_saw_without_the_overview() -> None:
    alone = World(ROBOT, TASK)
    before = {camera.name: alone.render(camera.name).tobytes() for camera in TASK.cameras}
    alone.close()
    overview, world = Overview(ROBOT, TASK), World(ROBOT, TASK)
    overview.show_world(world)
    assert overview.look().shape == (480, 640, 3)
    assert {camera.name: world.render(camera.name).tobytes() for camera in TASK.cameras} == before
    assert overview.model.nq == world.model.nq and overview.model.nbody == world.model.nbody
    world.close()
    overview.close()


@pytest.mark.parametrize("x, y", [(0.45, -0.2), (0.62, 0.0)])
def test_things_are_seen_where_its_lens_says(x: float, y: float) -> None:
    overview = Overview(ROBOT, TASK)
    overview.show_joints(ROBOT.home, np.zeros(2))
    goal = Pose(np.array([0.3, 0.3, 0.0]), np.eye(3))
    overview.show_truth(Truth(Pose(np.array([x, y, 0.02]), np.eye(3)), goal))
    picture = overview.look().astype(int)
    rows, columns = np.nonzero(picture[..., 0] > picture[..., 1] + picture[..., 2] + 40)  # the red box
    base = np.linalg.inv(overview.optical)
    seen = overview.intrinsics.project(np.array([[x, y, 0.02]]), base)[0]
    assert (columns.mean(), rows.mean()) == pytest.approx(seen, abs=3.0)
    overview.close()
