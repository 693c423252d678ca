"""Where the gate's commands go: the controller of ros2_control, and its topic."""

from drift_control.robot.config import RobotConfig

from drift.errors import UserError

_COMMAND_TOPICS = {  # command_interface of the robot: ros2_control's usual controller, and its topic
    "forward_position": ("forward_position_controller", "commands"),
    "joint_trajectory": ("joint_trajectory_controller", "joint_trajectory"),
}


def command_topic(robot: RobotConfig, controller: str) -> str:
    """Return CONTROLLER/TOPIC; `controller`: empty for the one of the robot's file, else the usual one.

    UserError where its name says that it takes something else.
    """
    usual, topic = _COMMAND_TOPICS[robot.command_interface]
    name = controller or robot.controller or usual
    takes = _taken_by(name)
    if takes not in ("", robot.command_interface):
        raise UserError(
            f"controller={name} takes {takes} by its name, but robot={robot.name} has command_interface: "
            f"{robot.command_interface}; name a controller like {usual}, or change the robot's file"
        )
    return f"{name}/{topic}"


def _taken_by(controller: str) -> str:
    """Return the interface that a controller has by its name; empty where the name does not tell."""
    words = controller.rpartition("/")[2].split("_")
    if "trajectory" in words:
        return "joint_trajectory"
    for word in ("velocity", "effort"):
        if word in words:
            return f"forward_{word}"
    return "forward_position" if "position" in words else ""
