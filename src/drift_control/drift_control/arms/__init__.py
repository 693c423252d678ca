"""The arms, one file each, found by name: geometry, hardware limits, hull and dynamics with their sources."""

from drift_control.arms.arm import Arm
from drift_control.arms.fr3 import FR3
from drift_control.arms.panda import PANDA
from drift_control.arms.ur3e import UR3E
from drift_control.arms.ur5e import UR5E
from drift_control.arms.ur10e import UR10E
from drift_control.arms.ur16e import UR16E

__all__ = ["ARMS", "Arm"]

ARMS = {
    "panda": PANDA,
    "fr3": FR3,
    "ur3e": UR3E,
    "ur5e": UR5E,
    "ur10e": UR10E,
    "ur16e": UR16E,
}
