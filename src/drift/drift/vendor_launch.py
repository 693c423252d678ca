"""The launch files of the arms' makers, included on request.

Their arguments go by UR's names. Sources: ur_robot_driver and ur_moveit_config of Jazzy and Kilted,
franka_fr3_moveit_config of franka_ros2 3.4 (Jazzy). None has been run with the hardware.
"""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from drift_control.robot.robot import RobotConfig

from drift.errors import UserError
from drift.ros_command import package_prefix
from drift.stack_arguments import Argument

_YES_NO = ("false", "true")


def _argument(default: str, text: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class VendorArguments:
    """What is said about the launch files of the arm's maker."""

    driver: str = _argument("false", "include the maker's driver of the arm (sim:=none)", _YES_NO)
    moveit: str = _argument("false", "include the maker's MoveIt configuration of the arm", _YES_NO)
    robot_ip: str = _argument("", "address of the robot; not needed with use_mock_hardware:=true")
    use_mock_hardware: str = _argument("false", "a driver without a robot: commands become states", _YES_NO)
    headless_mode: str = _argument("false", "UR: start the program without the teach pendant", _YES_NO)
    tf_prefix: str = _argument("", "UR: in front of the names of joints and links")
    launch_rviz: str = _argument("false", "start RViz, too", _YES_NO)

    def __post_init__(self) -> None:
        for item in vendor_arguments():
            if item.choices and getattr(self, item.name) not in item.choices:
                raise UserError(
                    f"{item.name}={getattr(self, item.name)} must be one of: {', '.join(item.choices)}"
                )
        if not self.wanted:
            for item in vendor_arguments():
                if getattr(self, item.name) != item.default:
                    raise UserError(
                        f"{item.name}={getattr(self, item.name)} is for the maker's launch file: "
                        "say driver:=true or moveit:=true as well"
                    )
        if self.driver == "true" and not self.robot_ip and self.use_mock_hardware == "false":
            raise UserError("driver=true needs robot_ip:=ADDRESS, or use_mock_hardware:=true")

    @property
    def wanted(self) -> bool:
        """Whether any launch file is to be included."""
        return "true" in (self.driver, self.moveit)


@dataclass(frozen=True)
class LaunchFile:
    """A launch file of another package, with its arguments."""

    path: Path
    arguments: dict[str, str]
    takes_namespace: bool  # by an argument of its own; else its nodes are put there


def vendor_arguments() -> list[Argument]:
    """Return what the launch file offers besides the arguments of `drift up`."""
    return [
        Argument(item.name, str(item.default), item.metadata["help"], item.metadata["choices"])
        for item in fields(VendorArguments)
    ]


def launch_files(said: VendorArguments, robot: RobotConfig, sim: str, controller: str) -> list[LaunchFile]:
    """Return the launch files to include; `controller`: the one that is to be active.

    UserError where the arm has none, a package is not installed, or the arm's file does not fit.
    """
    if not said.wanted:
        return []
    if sim != "none":
        raise UserError(f"driver=true and moveit=true need sim=none, got sim={sim}: they are for an arm")
    if not all(name.startswith(said.tf_prefix) for name in robot.joint_names):
        raise UserError(
            f"tf_prefix={said.tf_prefix} does not fit robot={robot.name}, whose joints are "
            f"{', '.join(robot.joint_names)}: write a file of config/robots with that prefix"
        )
    if robot.arm.startswith("ur"):
        return _universal_robots(said, robot.arm, controller)
    if robot.arm == "fr3":
        return _franka(said, robot)
    raise UserError(f"robot={robot.name}: no launch file is known for the arm {robot.arm}; known: ur…, fr3")


def _universal_robots(said: VendorArguments, arm: str, controller: str) -> list[LaunchFile]:
    files = []
    if said.driver == "true":
        arguments = {
            "ur_type": arm,
            "robot_ip": said.robot_ip or "0.0.0.0",  # its launch file wants one, also for mock hardware
            "use_mock_hardware": said.use_mock_hardware,
            "headless_mode": said.headless_mode,
            "tf_prefix": said.tf_prefix,
            "initial_joint_controller": controller,
            "launch_rviz": "false" if said.moveit == "true" else said.launch_rviz,  # MoveIt brings its own
        }
        files.append(LaunchFile(_found("ur_robot_driver", "ur_control.launch.py"), arguments, False))
    if said.moveit == "true":
        arguments = {"ur_type": arm, "launch_rviz": said.launch_rviz}
        files.append(LaunchFile(_found("ur_moveit_config", "ur_moveit.launch.py"), arguments, False))
    return files


def _franka(said: VendorArguments, robot: RobotConfig) -> list[LaunchFile]:
    """Driver, fr3_arm_controller, gripper, MoveIt and RViz in one; franka_bringup lacks the controller."""
    if said.driver != "true":
        raise UserError("moveit=true needs driver=true for an fr3: one launch file of Franka's brings both")
    if said.headless_mode == "true":
        raise UserError("headless_mode=true is for UR: franka_ros2 has no such argument")
    arguments = {
        "robot_ip": said.robot_ip,
        "use_fake_hardware": said.use_mock_hardware,
        "load_gripper": str(robot.gripper.interface == "franka").lower(),
    }
    return [LaunchFile(_found("franka_fr3_moveit_config", "moveit.launch.py"), arguments, True)]


def _found(package: str, name: str) -> Path:
    prefix = package_prefix(package)
    if prefix is None:
        apt = (
            f"sudo apt install ros-{os.environ.get('ROS_DISTRO', '$ROS_DISTRO')}-{package.replace('_', '-')}"
        )
        source = "build franka_ros2 from source: https://github.com/frankarobotics/franka_ros2"
        raise UserError(
            f"package {package} is not installed: {source if package.startswith('franka') else apt}"
        )
    return prefix / "share" / package / "launch" / name
