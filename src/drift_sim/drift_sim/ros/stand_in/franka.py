"""What franka_ros2 says about the robot."""

from importlib import import_module
from typing import Any

from drift_ros.clock import steady_clock
from rclpy.node import Node
from rclpy.qos import qos_profile_system_default
from rclpy.serialization import serialize_message

from drift_sim.ros.stand_in.ros2_control import Ros2Control


class FrankaRobot(Node):
    """The whole state at 1000 Hz, as franka_robot_state_broadcaster publishes it.

    In a reflex the hardware fails, and the controllers with it; after recovery somebody has to activate both.
    """

    def __init__(self, ros2_control: Ros2Control, rate_hz: float = 1000.0) -> None:
        super().__init__(
            "franka_robot_state_broadcaster",
            namespace=ros2_control.namespace,
            start_parameter_services=False,
        )
        self._ros2_control = ros2_control
        types: Any = import_module("franka_msgs.msg")
        self._type, self._errors = types.FrankaRobotState, types.Errors
        self._publisher = self.create_publisher(self._type, "~/robot_state", qos_profile_system_default)
        self.set(self._type.ROBOT_MODE_MOVE)
        self.telling = self.create_timer(1.0 / rate_hz, self._on_timer, clock=steady_clock())

    def set(self, mode: int, error: str = "") -> None:
        """Let the robot be in a mode, with the error of this name or none."""
        errors = self._errors(**({error: True} if error else {}))
        state = self._type(robot_mode=mode, current_errors=errors, control_command_success_rate=1.0)
        self._state = serialize_message(state)  # once: it is large
        if mode in (self._type.ROBOT_MODE_REFLEX, self._type.ROBOT_MODE_USER_STOPPED):
            self._ros2_control.set_hardware(False)

    def reflex(self, error: str = "joint_motion_generator_acceleration_discontinuity") -> None:
        """Stop by itself."""
        self.set(self._type.ROBOT_MODE_REFLEX, error)

    def recover(self) -> None:
        """Recover from errors, as a person does: hardware and controllers are still to be activated."""
        self.set(self._type.ROBOT_MODE_IDLE)

    def _on_timer(self) -> None:
        self._publisher.publish(self._state)
