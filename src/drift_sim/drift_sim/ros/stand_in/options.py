"""What a stand-in for ros2_control with an arm is like."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ArmOptions:
    """One arm, its controller and how they are run; rates in Hz."""

    controller: str  # its name
    kind: Literal["joint_trajectory", "forward_position"]
    rate_hz: float = 500.0  # of controller and joint states
    tau_s: float = 0.03  # the arm's lag
    delay_cycles: int = 2
    interpolate_from_desired_state: bool = False
    state_tolerance_rad: float = 0.2  # constraints.<joint>.trajectory; 0: none
    interface: str = "position"  # that it claims of each joint; Franka's claims effort
    joint_states: str = ""  # topic of the broadcaster; empty: the first of the robot's file
    joints: tuple[str, ...] = ()  # the controller's parameter; empty: the arm's joints in order
    active: bool = True  # the controller, from the beginning
    hardware: str = "arm"  # name of the hardware component
    guiding: Literal["", "ur", "franka"] = ""  # whose controller of hand guiding is loaded, inactive
    guiding_controller: str = ""  # its name; empty: its maker's
    namespace: str = ""  # of all nodes
    manager: bool = True  # a controller manager's topics and services are there
