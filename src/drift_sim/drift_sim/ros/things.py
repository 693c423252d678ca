"""How a simulator says where its things are, and is told where they shall be: one file for each."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from drift_control.robot.pose import Pose
from geometry_msgs.msg import Pose as PoseMessage

from drift_sim.external.elements import rotation_of

OnPose = Callable[[str, Pose, float], None]  # name, pose in the world's frame, simulated time [s]


class Things(Protocol):
    """Made on a node with the names of the things and what takes their poses; it never blocks."""

    def objection(self) -> str:
        """Return why nothing can be moved, or an empty string."""

    def put(self, poses: Mapping[str, Pose], refused: Callable[[str], None]) -> None:
        """Ask for the things to be moved; `refused` is called with the reason where the simulator says no."""


def from_pose_message(message: PoseMessage) -> Pose | None:
    """Return a pose; None where its numbers are none."""
    at, turned = message.position, message.orientation
    position = np.array([at.x, at.y, at.z])
    quaternion = np.array([turned.w, turned.x, turned.y, turned.z])
    length = float(np.linalg.norm(quaternion))
    if not np.isfinite(position).all() or not 0.5 < length < 2.0:
        return None
    return Pose(position, rotation_of(quaternion / length))
