"""Every script runs, and what its function gives is right."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from drift.configuration import config_file
from drift_control.robot.robot import load_robot

FOLDER = Path(__file__).parent
SAYS = {  # worked out by hand, or what cannot be otherwise
    "cut_windows": "63 with a label",
    "drive_the_simulation": "'POLICY': ",
    "load_an_arm": "2 m ahead: reached is False",
    "modulate_the_rank": "3: rank 16 of 64",
}


def example(name):
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def test_every_script_is_short_and_is_run_here():
    scripts = {path.stem: path for path in FOLDER.glob("*.py") if path.name != Path(__file__).name}
    assert scripts.keys() == SAYS.keys()
    assert all(len(path.read_text().splitlines()) < 80 for path in scripts.values())


@pytest.mark.parametrize("name", SAYS)
def test_a_script_says(name, capsys):
    example(name)["main"]()
    assert SAYS[name] in capsys.readouterr().out


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_an_arm_reaches_a_point_near_home_and_none_two_metres_off(name):
    robot, reach = load_robot(config_file("robot", name)), example("load_an_arm")["reach"]
    near = reach(robot, (0.05, 0.0, -0.05))
    moved_m = robot.forward(near.q).position - robot.forward(robot.home).position
    np.testing.assert_allclose(moved_m, (0.05, 0.0, -0.05), atol=1e-4)
    assert not reach(robot, (2.0, 0.0, 0.0)).converged
