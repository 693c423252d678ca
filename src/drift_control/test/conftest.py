"""The arms as configured, and a bench with one of them; shared by the tests."""

from pathlib import Path

import pytest
from drift_control.robot.robot import load_robot
from drift_control.teleop.devices import load_device
from drift_control.teleop.joystick import load_joystick
from drift_control.testing.bench import Bench

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.fixture(scope="session")
def robots():
    return {path.stem: load_robot(path) for path in sorted((CONFIG / "robots").glob("*.yaml"))}


@pytest.fixture(scope="session")
def panda(robots):
    return robots["panda"]


@pytest.fixture(scope="session")
def ur5e(robots):
    return robots["ur5e"]


@pytest.fixture(scope="session")
def joystick():
    return load_joystick(CONFIG / "joysticks/gamepad.yaml")


@pytest.fixture(scope="session")
def keyboard():
    """A joystick that is a program: it counts its messages, and its axes jump."""
    return load_joystick(CONFIG / "joysticks/keyboard.yaml")


@pytest.fixture(scope="session")
def scripted():
    return load_joystick(CONFIG / "joysticks/scripted.yaml")


@pytest.fixture(scope="session")
def devices():
    """Every device whose pose or joints lead, by the name of its file."""
    paths = sorted((CONFIG / "joysticks").glob("*.yaml"))
    found = {path.stem: load_device(path) for path in paths}
    return {name: device for name, device in found.items() if device.config.kind in ("pose", "leader")}


@pytest.fixture(scope="session")
def config_folder():
    return CONFIG


@pytest.fixture(scope="session")
def new_bench(robots, keyboard):
    """A function that makes a bench; by default with the Panda at 50 Hz."""

    def make(robot="panda", joysticks=None, **gate):
        arm = robots[robot] if isinstance(robot, str) else robot
        return Bench(arm, joysticks or {"joy": keyboard}, **gate)

    return make


@pytest.fixture
def bench(new_bench):
    """An armed gate at home."""
    bench = new_bench()
    bench.tick(arm=True)
    return bench
