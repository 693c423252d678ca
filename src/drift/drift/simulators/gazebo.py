"""Gazebo: what it needs of the distribution, the files written for it, the nodes that run it."""

import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from drift.errors import UserError
from drift.node_spec import SIMULATION, NodeSpec
from drift.ros_command import package_prefix
from drift.simulators.simulator import (
    Cell,
    Simulator,
    as_yaml,
    check_installed,
    description_node,
    hand_remapping,
    judge,
    spawner,
)

_XACRO_LIMIT_S = 30.0


def gazebo(cell: Cell) -> Simulator:
    """Return what runs the cell in Gazebo.

    UserError names what is not installed; ConfigError an arm without a description, or a cell that cannot be.
    """
    from drift_sim.external.controllers import controller_parameters
    from drift_sim.external.mirror import Mirror
    from drift_sim.gazebo.bridge import bridge_arguments, bridge_entries  # these load MuJoCo
    from drift_sim.gazebo.description import build_description
    from drift_sim.gazebo.makers import makers_description
    from drift_sim.gazebo.world import build_world

    robot, task, told = cell.robot, cell.task, cell.told
    makers = makers_description(robot)
    mirror = Mirror(robot, task)
    mirror.reset_objects(told.seed)
    check_installed(
        "gazebo", ("ros_gz_bridge", "ros_gz_interfaces", "gz_ros2_control", makers.package), ("gz", "xacro")
    )
    world, urdf = cell.folder / "world.sdf", cell.folder / "robot.urdf"
    controllers, bridge = cell.folder / "controllers.yaml", cell.folder / "bridge.yaml"
    maker = _makers_urdf(makers.package, makers.file, makers.arguments)
    description = build_description(
        maker, makers.flange, mirror, str(controllers), cell.namespace, told.camera_rate_hz
    )
    describing, described = description_node(description, cell.folder / "description.yaml")
    parameters = controller_parameters(robot.config, cell.controller, told.joint_state_rate_hz)
    files = {
        urdf: description,
        world: build_world(mirror, urdf, told.camera_rate_hz, told.ground_truth_rate_hz),
        controllers: as_yaml(parameters),
        bridge: as_yaml(bridge_entries(task, mirror.things())),
        **described,
    }
    essential = partial(NodeSpec, essential=True, stop_stage=SIMULATION)
    nodes = (
        essential("gazebo_server", "drift_sim", "gazebo_server", arguments=(str(world),)),
        essential(
            "gazebo_bridge",
            "ros_gz_bridge",
            "parameter_bridge",
            {"config_file": str(bridge)},
            arguments=bridge_arguments(task),
        ),
        describing,
        spawner(cell, controllers),
        judge(cell, "gazebo_mirror"),
    )
    return Simulator(nodes, files, hand_remapping(cell))


def _makers_urdf(package: str, file: str, arguments: Mapping[str, str]) -> str:
    """Return the maker's URDF, with meshes as files: Gazebo does not know packages."""
    share = Path(str(package_prefix(package))) / "share" / package
    words = ["xacro", str(share / file), *(f"{name}:={value}" for name, value in arguments.items())]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_XACRO_LIMIT_S, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UserError(f"{' '.join(words)} failed: {said[-1]}")
    return done.stdout.replace(f"package://{package}/", f"file://{share}/")
