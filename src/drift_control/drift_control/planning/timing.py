"""When an arm that stops at each point of a way is there, within its limits."""

import numpy as np
import ruckig

from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot


def times_s(robot: Robot, points: Array) -> Array:
    """Return when each of the points (P, J) [rad] is reached, (P,) [s] since the start; joints stop there."""
    n = robot.n_joints
    otg, trajectory, request = ruckig.Ruckig(n), ruckig.Trajectory(n), ruckig.InputParameter(n)
    request.max_velocity = robot.velocity.tolist()
    request.max_acceleration = robot.acceleration.tolist()
    request.max_jerk = robot.jerk.tolist()
    request.synchronization = ruckig.Synchronization.Phase  # on a straight line in joint space
    durations = [0.0]
    for start, end in zip(points[:-1], points[1:], strict=True):
        request.current_position, request.target_position = start.tolist(), end.tolist()
        result = otg.calculate(request, trajectory)
        if result not in (ruckig.Result.Working, ruckig.Result.Finished):
            raise ArithmeticError(f"ruckig refused the way from {start} to {end}: {result}")
        durations.append(trajectory.duration)
    return np.cumsum(durations)
