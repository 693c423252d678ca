"""What a simulator with ros2_control adds to a stack, and what all of them need."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from drift_control.robot.robot import Robot
from drift_core.task import TaskConfig
from drift_sim.node_config import SimNodeConfig

from drift.errors import UserError
from drift.node_spec import SIMULATION, NodeSpec
from drift.ros_command import package_prefix

_MANAGER_LIMIT_S = "120"  # until the simulator runs and its controller manager answers
_OF_ROS2_CONTROL = (
    "controller_manager",
    "joint_state_broadcaster",
    "joint_trajectory_controller",
    "position_controllers",
    "robot_state_publisher",
)


@dataclass(frozen=True)
class Cell:
    """What is to be simulated, and where."""

    robot: Robot
    task: TaskConfig
    of: Mapping[str, str]  # robot_file and task_file
    told: SimNodeConfig  # the parameters of the node `sim`
    controller: str  # of the arm
    namespace: str  # "/" or "/name"
    folder: Path  # for the files


@dataclass(frozen=True)
class Simulator:
    """The part of a stack that is a simulator; by default none."""

    nodes: tuple[NodeSpec, ...] = ()
    files: Mapping[Path, str] = field(default_factory=dict)
    remappings: Mapping[str, str] = field(default_factory=dict)  # of the gate, beside its command


def check_installed(sim: str, packages: Iterable[str], programs: Iterable[str] = ()) -> None:
    """UserError with what is missing and how to install it."""
    missing = [name for name in (*packages, *_OF_ROS2_CONTROL) if package_prefix(name) is None]
    absent = [name for name in programs if shutil.which(name) is None]
    if not missing and not absent:
        return
    distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
    wanted = [*("ros-gz" if name == "gz" else name for name in absent), *missing]
    install = " ".join(f"ros-{distribution}-{name.replace('_', '-')}" for name in wanted)
    if "franka_description" in missing:
        install += "; franka_description from source: https://github.com/frankarobotics/franka_description"
    raise UserError(
        f"sim={sim} needs {', '.join([*absent, *missing])}, not installed: sudo apt install {install}"
    )


def description_node(urdf: str, file: Path) -> tuple[NodeSpec, dict[Path, str]]:
    """Return the node that hands the description to the controller manager, with its parameter file."""
    parameters = {"/**/robot_state_publisher": {"ros__parameters": {"robot_description": urdf}}}
    name = "robot_state_publisher"
    node = NodeSpec(name, name, name, parameter_files=(file,), stop_stage=SIMULATION)
    return node, {file: as_yaml(parameters)}


def judge(cell: Cell, program: str) -> NodeSpec:
    """Return the node `sim`, which resets and judges beside the simulator; `program`: of drift_sim."""
    return NodeSpec("sim", "drift_sim", program, dict(cell.of), stop_stage=SIMULATION)


def spawner(cell: Cell, controllers_file: Path) -> NodeSpec:
    """Return the program that activates the controllers, once."""
    from drift_sim.external.controllers import controller_names  # loads MuJoCo

    return NodeSpec(
        "spawner",
        "controller_manager",
        "spawner",
        arguments=(
            *controller_names(cell.robot.config, cell.controller),
            *("--controller-manager", f"{cell.namespace.rstrip('/')}/controller_manager"),
            *("--controller-manager-timeout", _MANAGER_LIMIT_S),
            *("--param-file", str(controllers_file)),
        ),
        once=True,
    )


def hand_remapping(cell: Cell) -> dict[str, str]:
    """Return where the gate finds the controller of the hand."""
    from drift_sim.external.controllers import HAND_CONTROLLER  # loads MuJoCo

    hand = cell.robot.config.gripper
    return {hand.topic: f"{HAND_CONTROLLER}/commands"} if hand.interface == "forward_position" else {}


def as_yaml(content: Any) -> str:
    """Return the text of a file."""
    return yaml.safe_dump(content, sort_keys=False)
