"""An installation of Gazebo as far as a stack looks at it: packages, and programs that do as told."""

import os
from pathlib import Path

from drift.configuration import config_file
from drift_control.robot.robot import load_robot
from makers import makers_urdf

PACKAGES = (
    "ros_gz_bridge",
    "ros_gz_interfaces",
    "gz_ros2_control",
    "controller_manager",
    "joint_state_broadcaster",
    "joint_trajectory_controller",
    "position_controllers",
    "robot_state_publisher",
    "ur_description",
)
_WAIT = "exec sleep 600"


def install(
    folder: Path, bridge: str = _WAIT, spawner: str = "exit 0", robot: str = "ur5e"
) -> dict[str, str]:
    """Return the environment's variables that make it seem installed; `bridge`, `spawner`: shell commands."""
    for package in PACKAGES:
        marker = folder / "share/ament_index/resource_index/packages" / package
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    makers = folder / "share/ur_description/urdf/ur.urdf.xacro"
    makers.parent.mkdir(parents=True, exist_ok=True)
    makers.write_text(makers_urdf(load_robot(config_file("robot", robot)), "tool0"))
    programs = {
        "bin/gz": _WAIT,
        "bin/xacro": 'test "$3" != ur_type:=ur16e || { echo "no such type" >&2; exit 1; }; cat "$1"',
        "lib/ros_gz_bridge/parameter_bridge": bridge,
        "lib/controller_manager/spawner": spawner,
        "lib/robot_state_publisher/robot_state_publisher": _WAIT,
    }
    for name, command in programs.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
    return {
        "AMENT_PREFIX_PATH": f"{folder}:{os.environ['AMENT_PREFIX_PATH']}",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
    }
