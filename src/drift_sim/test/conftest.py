"""Arms, tasks and the joystick as configured, shared by the tests."""

from pathlib import Path

import pytest
from drift_control.joystick import load_joystick
from drift_control.robot import load_robot
from drift_core.task import load_task
from drift_sim.world import World

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.fixture(scope="session")
def config_folder():
    return CONFIG


@pytest.fixture(scope="session")
def robots():
    return {name: load_robot(CONFIG / f"robots/{name}.yaml") for name in ("panda", "ur5e")}


@pytest.fixture(scope="session")
def tasks():
    return {path.stem: load_task(path) for path in sorted((CONFIG / "tasks").glob("*.yaml"))}


@pytest.fixture(scope="session")
def joystick():
    return load_joystick(CONFIG / "joysticks/gamepad.yaml")


@pytest.fixture
def world(robots, tasks):
    """The Panda at `place`."""
    world = World(robots["panda"], tasks["place"])
    yield world
    world.close()
