"""Simulators besides the embedded MuJoCo, by the name of `sim:=`: what each adds to a stack."""

from drift.simulators.gazebo import gazebo
from drift.simulators.mujoco_ros2_control import mujoco_ros2_control
from drift.simulators.simulator import Cell, Simulator

__all__ = ["SIMULATORS", "Cell", "Simulator"]

SIMULATORS = {
    "gazebo": gazebo,
    "mujoco_ros2_control": mujoco_ros2_control,
}
