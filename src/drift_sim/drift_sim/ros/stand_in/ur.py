"""What ur_robot_driver says about the robot, and its controller_stopper."""

from importlib import import_module
from typing import Any

from drift_ros import qos
from drift_ros.clock import steady_clock
from rclpy.node import Node
from rclpy.qos import qos_profile_system_default
from std_msgs.msg import Bool, Float64

from drift_sim.ros.stand_in.ros2_control import Ros2Control
from drift_sim.ros2_control.ur_arm import UrArm

RUNNING, NORMAL = 7, 1  # modes of robot and safety
_MOVING = (1, 2)  # safety modes in which a program may run
_SPEED_HZ = 100.0


class UrRobot(Node):
    """Modes, latched and only at changes; the speed scaling in percent at 100 Hz.

    While the program does not run, no motion controller is active; once it runs again the driver activates
    the same ones by itself.
    """

    def __init__(self, ros2_control: Ros2Control) -> None:
        super().__init__("io_and_status_controller", namespace=ros2_control.namespace)
        self._ros2_control = ros2_control
        self._stopped: list[str] = []  # controllers, until the program runs again
        self._robot_mode, self._safety_mode, self._program, self._slider = RUNNING, NORMAL, True, 100.0
        types: Any = import_module("ur_dashboard_msgs.msg")
        self._mode_type, self._safety_type = types.RobotMode, types.SafetyMode
        self._mode = self.create_publisher(types.RobotMode, "~/robot_mode", qos.LATCHED)
        self._safety = self.create_publisher(types.SafetyMode, "~/safety_mode", qos.LATCHED)
        self._running = self.create_publisher(Bool, "~/robot_program_running", qos.LATCHED)
        self._scaling = self.create_publisher(
            Float64, "speed_scaling_state_broadcaster/speed_scaling", qos_profile_system_default
        )
        self._said: tuple[int, int, bool] | None = None
        self._tell()
        self.create_timer(1.0 / _SPEED_HZ, self._on_timer, clock=steady_clock())

    def set(
        self,
        *,
        robot_mode: int | None = None,
        safety_mode: int | None = None,
        program: bool | None = None,
        slider_percent: float | None = None,
    ) -> None:
        """Let something happen to the robot; what is left out stays. A stop also ends the program."""
        if robot_mode is not None:
            self._robot_mode = robot_mode
        if safety_mode is not None:
            self._safety_mode = safety_mode
        if program is not None:
            self._program = program
        if slider_percent is not None:
            self._slider = slider_percent
        if self._robot_mode != RUNNING or self._safety_mode not in _MOVING:
            self._program = False
        self._tell()

    @property
    def percent(self) -> float:
        """The speed scaling; nothing while no program runs."""
        return self._slider if self._program else 0.0

    def _tell(self) -> None:
        arm = self._ros2_control.arm
        assert isinstance(arm, UrArm)
        with self._ros2_control.lock:
            arm.program_running = self._program
            if hasattr(self._ros2_control.controller, "speed_scaling"):
                self._ros2_control.controller.speed_scaling = self.percent / 100.0
        mode, safety, running = self._said or (None, None, None)
        self._said = (self._robot_mode, self._safety_mode, self._program)
        if mode != self._robot_mode:
            self._mode.publish(self._mode_type(mode=self._robot_mode))
        if safety != self._safety_mode:
            self._safety.publish(self._safety_type(mode=self._safety_mode))
        if running != self._program:
            self._running.publish(Bool(data=self._program))
            self._stop_controller()

    def _stop_controller(self) -> None:
        control, stopped = self._ros2_control, self._stopped
        if not self._program and (active := [name for name, is_ in control.active.items() if is_]):
            self._stopped = active
            control.switch_all(dict.fromkeys(active, False))
        elif self._program and stopped:
            self._stopped = []
            control.switch_all(dict.fromkeys(stopped, True))

    def _on_timer(self) -> None:
        self._scaling.publish(Float64(data=self.percent))
