"""The arms, one file each, found by name: geometry, hardware limits, hull and dynamics with their sources."""

from drift_control.arms.arm import Arm
from drift_control.arms.panda import PANDA
from drift_control.arms.ur5e import UR5E
from drift_control.arms.ur10e import UR10E

__all__ = ["ARMS", "Arm"]

ARMS = {
    "panda": PANDA,
    "ur5e": UR5E,
    "ur10e": UR10E,
}
