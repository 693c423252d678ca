"""Arms, tasks and the joystick as configured."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
import yaml
from drift_control.gate.config import GateConfig
from drift_control.robot.robot import load_robot
from drift_control.teleop.joystick import load_joystick
from drift_core.task import load_task
from drift_sim.world import World

torch.set_num_threads(1)  # on busy cores the threads of small networks mostly wait for each other

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.fixture(scope="session")
def config_folder():
    return CONFIG


@pytest.fixture(scope="session")
def robots():
    """Every arm with the hand that the simulation has, whatever its usual one is."""
    arms = sorted((CONFIG / "robots").glob("*.yaml"))
    return {path.stem: load_robot(path.with_stem(f"{path.stem}+parallel_hand")) for path in arms}


@pytest.fixture(scope="session")
def tasks():
    return {path.stem: load_task(path) for path in sorted((CONFIG / "tasks").glob("*.yaml"))}


@pytest.fixture(scope="session")
def within_reach(tasks, robots):
    """A function that returns a task where this arm can do it: as far from its base as its TCP is at home."""

    def moved(task, robot):
        arm = robots[robot]
        by = round(
            arm.forward(arm.home).position[0] - 0.45, 2
        )  # the tasks suit an arm with 0.45 m; UR3e: -0.15
        if by == 0.0:
            return tasks[task]
        scene = tasks[task].scene
        reset = {key: [x + by, y] if "_m" in key else [x, y] for key, (x, y) in scene["reset"].items()}
        low_m, high_m = (scene["success"][key] for key in ("lost_low_m", "lost_high_m"))
        lost = {"lost_low_m": [low_m[0] + by, *low_m[1:]], "lost_high_m": [high_m[0] + by, *high_m[1:]]}
        return replace(tasks[task], scene={**scene, "reset": reset, "success": {**scene["success"], **lost}})

    return moved


@pytest.fixture(scope="session")
def joystick():
    return load_joystick(CONFIG / "joysticks/scripted.yaml")


@pytest.fixture(scope="session")
def gate_config():
    """The gate's parameters as the nodes get them."""
    sections = yaml.safe_load((CONFIG / "nodes.yaml").read_text())
    values = sections["/**/expert_gate"]["ros__parameters"]
    return GateConfig(**{field.name: values[field.name] for field in fields(GateConfig)})


@pytest.fixture
def world(robots, tasks):
    """The Panda at `place`."""
    world = World(robots["panda"], tasks["place"])
    yield world
    world.close()
