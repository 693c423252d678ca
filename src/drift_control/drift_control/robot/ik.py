"""Inverse kinematics near a seed: damped least squares with a pull toward home in the null space."""

from dataclasses import dataclass

import numpy as np

from drift_control.robot.pose import Array, Pose, rotation_vector
from drift_control.robot.robot import Robot

ITERATIONS = 12
STEP_MAX_RAD = 0.2  # largest joint step of one iteration
POSITION_TOLERANCE_M = 1e-5
ROTATION_TOLERANCE_RAD = 1e-4
HOME_PULL = 0.02  # fraction of the way home per iteration, in the null space only


@dataclass(frozen=True)
class IkResult:
    """Joint positions reached from the seed, and how far their pose is from the target."""

    q: Array  # (J,) [rad], inside the position limits
    converged: bool
    position_error_m: float
    rotation_error_rad: float


def solve(
    robot: Robot,
    target: Pose,
    seed: Array,
    iterations: int = ITERATIONS,
    at_seed: tuple[Pose, Array] | None = None,
) -> IkResult:
    """Return joint positions for `target`, starting at `seed` (J,) and moving continuously from there.

    `at_seed`: TCP and Jacobian (6, J) there, where somebody has them.

    The damping grows with the error (Sugihara, "Solvability-unconcerned inverse kinematics by the
    Levenberg-Marquardt method", 2011): an unreachable target ends at the nearest pose instead of a jump.
    """
    q = _within(robot, seed)
    if at_seed is not None and (q != seed).any():
        at_seed = None
    redundant = robot.n_joints > 6
    error = np.empty(6)
    position_error = rotation_error = np.inf
    for _ in range(iterations):
        if at_seed is None:
            frames = robot.joint_frames(q)
            tcp = frames[-1] @ robot.tool
            position, rotation = tcp[:3, 3], tcp[:3, :3]
        else:
            position, rotation = at_seed[0].position, at_seed[0].rotation
        error[:3] = target.position - position
        error[3:] = rotation_vector(target.rotation @ rotation.T)
        position_error = float(np.sqrt(error[:3] @ error[:3]))
        rotation_error = float(np.sqrt(error[3:] @ error[3:]))
        if position_error < POSITION_TOLERANCE_M and rotation_error < ROTATION_TOLERANCE_RAD:
            return IkResult(q, True, position_error, rotation_error)
        jacobian = robot.jacobian_at(frames, tcp) if at_seed is None else at_seed[1]
        at_seed = None
        damping = 0.05 * (error @ error) + 1e-6
        gram = jacobian @ jacobian.T
        gram.flat[::7] += damping
        if redundant:
            pull = HOME_PULL * (robot.home - q)
            step = pull + jacobian.T @ np.linalg.solve(gram, error - jacobian @ pull)
        else:
            step = jacobian.T @ np.linalg.solve(gram, error)
        largest = np.abs(step).max()
        if largest > STEP_MAX_RAD:
            step *= STEP_MAX_RAD / largest
        q = _within(robot, q + step)
    return IkResult(q, False, position_error, rotation_error)


def _within(robot: Robot, q: Array) -> Array:
    return np.minimum(np.maximum(q, robot.low), robot.high)


def joint_velocity(jacobian: Array, twist: Array) -> Array:
    """Return joint velocities (J,) [rad/s] for a TCP twist (6,) [m/s, rad/s] in the base frame."""
    gram = jacobian @ jacobian.T
    gram.flat[::7] += 1e-4
    return jacobian.T @ np.linalg.solve(gram, twist)
