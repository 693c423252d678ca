"""Parameters of ros2_control in a simulator of its own: the controllers that the gate commands."""

from typing import Any

from drift_control.robot.config import RobotConfig

from drift_sim.cell import TIMESTEP_S

HAND_CONTROLLER = "hand_controller"
BROADCASTER = "joint_state_broadcaster"
# gz_ros2_control turns a position error into a velocity, gain x rate x error: 0.1 at 500 Hz lags by 20 ms,
# as MuJoCo's servos have it.
UPDATE_RATE_HZ = round(1.0 / TIMESTEP_S)
POSITION_GAIN = 0.1
_ARM_TYPES = {
    "joint_trajectory": "joint_trajectory_controller/JointTrajectoryController",
    "forward_position": "position_controllers/JointGroupPositionController",
}


def controller_names(robot: RobotConfig, arm_controller: str) -> list[str]:
    """Return what must be active: the broadcaster, the arm's controller and, with a hand, the hand's."""
    return [BROADCASTER, arm_controller, *([HAND_CONTROLLER] if robot.gripper.joints else [])]


def controller_parameters(
    robot: RobotConfig, arm_controller: str, joint_state_rate_hz: float
) -> dict[str, Any]:
    """Return a ROS parameter file for controller manager and controllers, in any namespace."""
    types = {BROADCASTER: "joint_state_broadcaster/JointStateBroadcaster"}
    types[arm_controller] = _ARM_TYPES[robot.command_interface]
    own: dict[str, dict[str, Any]] = {arm_controller: {"joints": list(robot.joint_names)}}
    if robot.command_interface == "joint_trajectory":
        own[arm_controller] |= {
            "command_interfaces": ["position"],
            "state_interfaces": ["position", "velocity"],
            "state_publish_rate": joint_state_rate_hz,
        }
    if robot.gripper.joints:
        types[HAND_CONTROLLER] = "position_controllers/JointGroupPositionController"
        own[HAND_CONTROLLER] = {"joints": list(robot.gripper.joints)}
    manager = {"update_rate": UPDATE_RATE_HZ, **{name: {"type": kind} for name, kind in types.items()}}
    hardware = {"position_proportional_gain": POSITION_GAIN, "hold_joints": True}
    sections = {"controller_manager": manager, "gz_ros_control": hardware, **own}
    return {f"/**/{name}": {"ros__parameters": values} for name, values in sections.items()}
