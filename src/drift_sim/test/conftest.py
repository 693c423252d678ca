"""Arms, tasks and the joystick as configured; a ROS domain for each test process."""

import os

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"

from dataclasses import fields  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from drift_control.gate_config import GateConfig  # noqa: E402
from drift_control.joystick import load_joystick  # noqa: E402
from drift_control.robot import load_robot  # noqa: E402
from drift_core.task import load_task  # noqa: E402
from drift_sim.world import World  # noqa: E402

torch.set_num_threads(1)  # on busy cores the threads of small networks mostly wait for each other

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
