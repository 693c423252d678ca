"""The environment of a study's task in the in-process shell."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from drift.configuration import config_file
from drift.experiment.foreign import make
from drift.simulation import gate_config

if TYPE_CHECKING:
    from drift_sim.environments.environment import Environment
    from drift_sim.shell import Shell

    from drift.experiment.task import StudyTask

OURS = ("drift_core", "torch", "numpy", "mujoco")


def make_shell(task: "StudyTask") -> "Shell":
    """Return a shell; UserError for an environment that is not installed, ConfigError for an unknown task."""
    from drift_control.robot.robot import load_robot
    from drift_control.teleop.joystick import load_joystick
    from drift_core.task import load_task
    from drift_sim.environments.arm_cell import ArmCell
    from drift_sim.environments.seeing_arm import SeeingArm, SeeingHand, from_state
    from drift_sim.shell import Shell

    images = task.sees == "images"
    if task.environment != "drift":
        return Shell(make(task.environment, task.task, images, task.setting))
    config = load_task(config_file("task", task.task))
    cell = ArmCell(
        load_robot(config_file("robot", task.robot)),
        config if images else from_state(config),
        gate_config(),
        load_joystick(config_file("joystick", "scripted")),
        sees={"state": SeeingArm, "hand": SeeingHand, "images": None}[task.sees],
    )
    return Shell(cell)


def versions(environment: "Environment") -> dict[str, str]:
    """Return the versions of what a result rests on, those of a foreign environment by its name."""
    from drift_sim.environments.served import ServedEnvironment

    ours = {name: version(name) for name in OURS}
    if isinstance(environment, ServedEnvironment):
        return ours | {f"there: {name}": there for name, there in environment.versions.items()}
    return ours
