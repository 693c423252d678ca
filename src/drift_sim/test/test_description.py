"""The robot as RViz and Foxglove get it: the same frames as the kinematics and the cameras of the cell."""

from pathlib import Path

import numpy as np
import pytest
from drift_control.robot.robot import load_robot
from drift_core.task import load_task
from drift_sim.description import describe
from drift_sim.frame_tree import FrameTree, Link
from drift_sim.world import World

CONFIG = Path(__file__).resolve().parents[3] / "config"


def poses(links: list[Link], root: str) -> dict[str, np.ndarray]:
    """Each frame (4, 4) in `root`."""
    found, left = {root: np.eye(4)}, list(links)
    while left:
        link = next(link for link in left if link.parent in found)
        found[link.child] = found[link.parent] @ link.pose
        left.remove(link)
    return found


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_the_frames_of_the_description_are_where_the_simulation_has_them(name: str) -> None:
    robot, task = load_robot(CONFIG / "robots" / f"{name}.yaml"), load_task(CONFIG / "tasks" / "place.yaml")
    world = World(robot, task)
    world.set_joint_command(robot.home + 0.1)
    world.step(100)
    tree, config = FrameTree(describe(world)), robot.config
    names = [*config.joint_names, *config.gripper.joints]
    joints = dict(zip(names, [*world.joint_positions(), *world.finger_positions()], strict=True))
    found = poses([*tree.fixed, *tree.moving(joints)], config.base_frame)
    assert set(found) == tree.frames
    tcp = robot.forward(world.joint_positions())
    assert found[config.tip_frame][:3, 3] == pytest.approx(tcp.position, abs=1e-9)
    assert found[config.tip_frame][:3, :3] == pytest.approx(tcp.rotation, abs=1e-9)
    for camera in ("front", "wrist"):
        at = world.model.camera(camera).id
        optical = found[f"{camera}_optical_frame"]
        assert optical[:3, 3] == pytest.approx(world.data.cam_xpos[at], abs=1e-9)
        forward = -world.data.cam_xmat[at].reshape(3, 3)[:, 2]
        assert optical[:3, 2] == pytest.approx(forward, abs=1e-9)
    finger = world.data.body("finger_joint1_link")
    assert found["finger_joint1_link"][:3, 3] == pytest.approx(finger.xpos, abs=1e-9)


def test_a_joint_that_is_not_known_moves_nothing() -> None:
    tree = FrameTree(
        "<robot name='r'><link name='a'/><link name='b'/><joint name='j' type='revolute'><parent link='a'/>"
        "<child link='b'/><origin xyz='1 0 0' rpy='0 0 1.5707963267948966'/><axis xyz='0 0 1'/></joint>"
        "</robot>"
    )
    assert tree.fixed == [] and tree.moving({}) == []
    (link,) = tree.moving({"j": np.pi / 2})
    assert (link.parent, link.child) == ("a", "b")
    assert link.pose[:2, 3] == pytest.approx([1.0, 0.0]) and link.pose[:2, 0] == pytest.approx([-1.0, 0.0])
