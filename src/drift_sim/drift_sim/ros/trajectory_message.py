"""A JointTrajectory message as the stand-in for its controller takes it."""

import numpy as np
from drift_ros.clock import to_seconds
from trajectory_msgs.msg import JointTrajectory

from drift_sim.ros2_control.trajectory_controller import Trajectory


def from_message(msg: JointTrajectory, clock_ahead_s: float = 0.0) -> Trajectory:
    """Return the trajectory; `clock_ahead_s`: the clock of its stamp minus the controller's.

    Raises ValueError where its points are not of one size.
    """
    due_s = np.array([p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in msg.points])
    positions = np.array([p.positions for p in msg.points], dtype=float)
    with_velocities = bool(msg.points) and all(len(p.velocities) for p in msg.points)
    velocities = np.array([p.velocities for p in msg.points], dtype=float) if with_velocities else None
    stamp_s = to_seconds(msg.header.stamp)
    start_s = stamp_s - clock_ahead_s if stamp_s else 0.0
    return Trajectory(tuple(msg.joint_names), due_s, positions, velocities, start_s)
