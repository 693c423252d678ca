"""How each kind of gripper is told its opening: one file per interface, found by its name."""

from collections.abc import Callable

from drift_config.errors import ConfigError
from drift_control.gripper.config import Gripper
from rclpy.node import Node

from expert_gate_node.ros.grippers.driver import GripperDriver
from expert_gate_node.ros.grippers.forward_position import ForwardPosition
from expert_gate_node.ros.grippers.franka import FrankaGripper
from expert_gate_node.ros.grippers.gripper_command import GripperCommandGripper
from expert_gate_node.ros.grippers.none import NoGripper
from expert_gate_node.ros.grippers.parallel_gripper_command import ParallelGripper

DRIVERS: dict[str, type[GripperDriver]] = {
    "none": NoGripper,
    "forward_position": ForwardPosition,
    "gripper_command": GripperCommandGripper,
    "parallel_gripper_command": ParallelGripper,
    "franka": FrankaGripper,
}


def make_driver(node: Node, gripper: Gripper, dry_run: bool, say: Callable[[str], None]) -> GripperDriver:
    """Return what drives `gripper`; in a dry run its joints' positions go to `gripper_command_preview`.

    `say`: tells a person what the gripper does not do.

    Raises ConfigError, in one line, where a message package that it needs is not installed.
    """
    if dry_run:
        return ForwardPosition(node, gripper, "gripper_command_preview", say)
    try:
        return DRIVERS[gripper.interface](node, gripper, gripper.topic, say)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise ConfigError(
            f"gripper={gripper.name}: its interface {gripper.interface} needs the ROS package {package}, "
            f"which is not installed (Debian: ros-<distribution>-{package.replace('_', '-')})"
        ) from error
