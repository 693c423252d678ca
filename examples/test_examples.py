"""Every script runs, and what its function gives is right."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drift.configuration import config_file
from drift_control import load_robot

FOLDER = Path(__file__).parent
SAYS = {  # worked out by hand, or what cannot be otherwise
    "act_as_lerobot_policy": "12 steps of 2 environments, actions of 10 numbers",
    "cut_windows": "a batch of 16: actions (16, 16, 10)",
    "drive_the_simulation": "'POLICY': ",
    "gate_without_ros": "HOLD, handed back",
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


@pytest.mark.parametrize(
    ("name", "word", "said"),
    [
        ("load_an_arm", "panda2", "error: robot=panda2 must be one of: fr3, panda, "),
        ("drive_the_simulation", "none.safetensors", "error: none.safetensors: cannot be read: No such file"),
    ],
)
def test_wrong_input_is_one_line(name, word, said):
    command = [sys.executable, str(FOLDER / f"{name}.py"), word]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["panda", "ur5e"])
def test_an_arm_reaches_a_point_near_home_and_none_two_metres_off(name):
    robot, reach = load_robot(config_file("robot", name)), example("load_an_arm")["reach"]
    near = reach(robot, (0.05, 0.0, -0.05))
    moved_m = robot.forward(near.q).position - robot.forward(robot.home).position
    np.testing.assert_allclose(moved_m, (0.05, 0.0, -0.05), atol=1e-4)
    assert not reach(robot, (2.0, 0.0, 0.0)).converged


def test_the_arm_goes_as_far_as_the_hand_pushes():
    robot = load_robot(config_file("robot", "panda"))
    ticks = example("gate_without_ros")["push"](robot, (0.0, 0.1, 0.0), push_s=1.0)  # 0.1 m/s for 1 s
    moved_m = ticks[-1].action[:3] - robot.forward(robot.home).position
    np.testing.assert_allclose(moved_m, (0.0, 0.1, 0.0), atol=0.01)
    assert (ticks[-1].command == ticks[-10].command).all(), "at rest after a second"
