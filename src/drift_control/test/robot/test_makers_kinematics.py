"""Our chains against the makers' own descriptions, in maker_poses.yaml."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from drift_control.arms import ARMS

MAKERS = yaml.safe_load((Path(__file__).parent / "maker_poses.yaml").read_text())


def test_poses_of_a_maker_name_an_arm_and_their_source_and_commit():
    assert set(MAKERS) <= set(ARMS)
    for maker in MAKERS.values():
        assert len(maker["poses"]) == 20 and len(maker["commit"]) == 40 and maker["source"]


@pytest.mark.parametrize("name", MAKERS)
def test_the_flange_is_where_its_maker_has_it(name, robots):
    robot = robots[name]
    for q, position, x, z in MAKERS[name]["poses"]:
        flange = robot.joint_frames(np.array(q))[-1] @ robot.arm.flange
        assert np.linalg.norm(flange[:3, 3] - position) < 5e-6
        assert np.allclose(flange[:3, 0], x, atol=2e-6) and np.allclose(flange[:3, 2], z, atol=2e-6)
