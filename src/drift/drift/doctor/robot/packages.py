"""Packages of messages that this robot's drivers speak with, and that only some installations have."""

from collections.abc import Callable

from drift_control.robot.config import RobotConfig

from drift.doctor.finding import Finding, failure, good, warning

_BY_SOURCE = {"ur": "ur_dashboard_msgs", "franka": "franka_msgs"}
_BY_GRIPPER = {
    "gripper_command": "control_msgs",
    "parallel_gripper_command": "control_msgs",
    "franka": "franka_msgs",
}


def packages(robot: RobotConfig, installed: Callable[[str], bool]) -> Finding:
    """Without those of the gripper the gate does not start; without the others it knows less of the arm."""
    hand = _BY_GRIPPER.get(robot.gripper.interface)
    wanted = dict.fromkeys(filter(None, ("controller_manager_msgs", _BY_SOURCE.get(robot.arm_state), hand)))
    missing = [name for name in wanted if not installed(name)]
    if not missing:
        return good(", ".join(wanted))
    advice = "; ".join(_how(name) for name in missing)
    text = f"not installed: {', '.join(missing)}"
    if hand in missing:
        return failure(f"{text}: the gate cannot drive {robot.gripper.name}", advice)
    return warning(f"{text}: what they would tell is not checked, here and by the gate", advice)


def _how(package: str) -> str:
    if package == "franka_msgs":
        return "franka_msgs: build franka_ros2 from source, and source its workspace before drift's"
    return f"sudo apt install ros-$ROS_DISTRO-{package.replace('_', '-')}"
