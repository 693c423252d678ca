"""Gazebo in a stack: what it needs of the distribution, the files written for it, the nodes that run it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from drift_control.robot.robot import Robot
from drift_core.task import TaskConfig
from drift_sim.node_config import SimNodeConfig

from drift.errors import UserError
from drift.node_spec import SIMULATION, NodeSpec
from drift.ros_command import package_prefix
from drift.run_folder import RunFolder

_XACRO_LIMIT_S = 30.0
_MANAGER_LIMIT_S = "120"  # until Gazebo runs and its controller manager answers
_PACKAGES = (
    "ros_gz_bridge",
    "ros_gz_interfaces",
    "gz_ros2_control",
    "controller_manager",
    "joint_state_broadcaster",
    "joint_trajectory_controller",
    "position_controllers",
    "robot_state_publisher",
)


@dataclass(frozen=True)
class Gazebo:
    """The part of a stack that is Gazebo."""

    nodes: tuple[NodeSpec, ...]
    files: Mapping[Path, str]
    remappings: Mapping[str, str]  # of the gate, beside its command


def gazebo(
    robot: Robot, task: TaskConfig, told: SimNodeConfig, controller: str, namespace: str, run: RunFolder
) -> Gazebo:
    """Return what runs the task's cell in Gazebo; `told`: the parameters of the node `sim`.

    UserError names what is not installed; ConfigError an arm without a description, or a task without one.
    """
    from drift_sim.gazebo.bridge import bridge_arguments, bridge_entries  # these load MuJoCo
    from drift_sim.gazebo.controllers import HAND_CONTROLLER, controller_names, controller_parameters
    from drift_sim.gazebo.description import build_description
    from drift_sim.gazebo.makers import makers_description
    from drift_sim.gazebo.mirror import Mirror
    from drift_sim.gazebo.world import build_world

    makers = makers_description(robot)
    mirror = Mirror(robot, task)
    mirror.reset_objects(told.seed)
    _check_installed(makers.package)
    folder = run.path / "gazebo"
    world, urdf, description = folder / "world.sdf", folder / "robot.urdf", folder / "description.yaml"
    controllers, bridge = folder / "controllers.yaml", folder / "bridge.yaml"
    robot_urdf = build_description(
        _makers_urdf(makers.package, makers.file, makers.arguments),
        makers.flange,
        mirror,
        str(controllers),
        namespace,
        told.camera_rate_hz,
    )
    files = {
        urdf: robot_urdf,
        world: build_world(mirror, urdf, told.camera_rate_hz, told.ground_truth_rate_hz),
        controllers: _yaml(controller_parameters(robot.config, controller, told.joint_state_rate_hz)),
        bridge: _yaml(bridge_entries(task, mirror.things())),
        description: _yaml(
            {"/**/robot_state_publisher": {"ros__parameters": {"robot_description": robot_urdf}}}
        ),
    }
    manager = f"{namespace.rstrip('/')}/controller_manager"
    nodes = (
        NodeSpec(
            "gazebo_server",
            "drift_sim",
            "gazebo_server",
            arguments=(str(world),),
            essential=True,
            stop_stage=SIMULATION,
        ),
        NodeSpec(
            "gazebo_bridge",
            "ros_gz_bridge",
            "parameter_bridge",
            {"config_file": str(bridge)},
            arguments=bridge_arguments(task),
            essential=True,
            stop_stage=SIMULATION,
        ),
        NodeSpec(
            "robot_state_publisher",
            "robot_state_publisher",
            "robot_state_publisher",
            parameter_files=(description,),
            stop_stage=SIMULATION,
        ),
        NodeSpec(
            "spawner",
            "controller_manager",
            "spawner",
            arguments=(
                *controller_names(robot.config, controller),
                *("--controller-manager", manager),
                *("--controller-manager-timeout", _MANAGER_LIMIT_S),
                *("--param-file", str(controllers)),
            ),
            once=True,
        ),
    )
    hand = robot.config.gripper
    remappings = {hand.topic: f"{HAND_CONTROLLER}/commands"} if hand.interface == "forward_position" else {}
    return Gazebo(nodes, files, remappings)


def _check_installed(description: str) -> None:
    missing = [name for name in (*_PACKAGES, description) if package_prefix(name) is None]
    programs = [name for name in ("gz", "xacro") if shutil.which(name) is None]
    if not missing and not programs:
        return
    distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
    wanted = [*("ros-gz" if name == "gz" else name for name in programs), *missing]
    install = " ".join(f"ros-{distribution}-{name.replace('_', '-')}" for name in wanted)
    if description == "franka_description" and description in missing:
        install += "; franka_description from source: https://github.com/frankarobotics/franka_description"
    raise UserError(
        f"sim=gazebo needs {', '.join([*programs, *missing])}, not installed: sudo apt install {install}"
    )


def _makers_urdf(package: str, file: str, arguments: Mapping[str, str]) -> str:
    """Return the maker's URDF, with meshes as files: Gazebo does not know packages."""
    share = Path(str(package_prefix(package))) / "share" / package
    words = ["xacro", str(share / file), *(f"{name}:={value}" for name, value in arguments.items())]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_XACRO_LIMIT_S, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UserError(f"{' '.join(words)} failed: {said[-1]}")
    return done.stdout.replace(f"package://{package}/", f"file://{share}/")


def _yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False)
