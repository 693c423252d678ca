"""The joint positions that are meant by a target."""

import numpy as np

from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Scene
from drift_control.planning.target import Joints, Named, Target, TcpPose
from drift_control.robot import ik
from drift_control.robot.pose import Array, Pose
from drift_control.robot.robot import Robot

SEEDS = 40  # of inverse kinematics, beside the start and home
ITERATIONS = 60
SAME_RAD = 0.05  # two solutions nearer than this are one


def goals(scene: Scene, target: Target, start: Array, rng: np.random.Generator) -> list[Array]:
    """Return the joint positions (J,) that `target` may mean, free ones, the nearest to `start` (J,) first.

    Raises NoWay: nothing of that name, out of reach, or every one of them touches something.
    """
    if isinstance(target, TcpPose):
        found = _solutions(scene, target.pose, start, rng)
    else:
        found = [scene.robot.nearest_turn(joint_positions(scene.robot, target), start)]
    free = [q for q in found if scene.objection(q[None]) is None]
    if not free:
        objection = scene.objection(found[0][None])
        raise NoWay(f"the target is not free: {objection.text if objection else ''}")
    return sorted(free, key=lambda q: float(np.abs(q - start).max()))


def check_target(scene: Scene, target: Target) -> None:
    """Raise NoWay where the arm cannot be at `target`; of a pose only a plan can tell."""
    if isinstance(target, TcpPose):
        return
    objection = scene.objection(joint_positions(scene.robot, target)[None])
    if objection is not None:
        raise NoWay(f"the target is not free: {objection.text}")


def joint_positions(robot: Robot, target: Named | Joints) -> Array:
    """Return what is meant (J,) [rad]; NoWay: nothing of that name, of another size, or beyond a limit."""
    if isinstance(target, Named):
        poses = {"home": robot.config.home_rad, **robot.config.poses_rad}
        if target.name not in poses:
            raise NoWay(
                f"name={target.name!r} must be one of {', '.join(poses)} (poses_rad of the robot's file)"
            )
        return np.array(poses[target.name])
    q = np.asarray(target.q, dtype=float)
    if q.shape != (robot.n_joints,) or not np.isfinite(q).all():
        raise NoWay(f"joints must be {robot.n_joints} finite numbers, got {q.tolist()}")
    for name, at, low, high in zip(robot.config.joint_names, q, robot.low, robot.high, strict=True):
        if not low <= at <= high:
            raise NoWay(f"{name}={at:g} must lie in [{low:g}, {high:g}] rad")
    return q


def _solutions(scene: Scene, pose: Pose, start: Array, rng: np.random.Generator) -> list[Array]:
    """Return different joint positions (J,) for a pose, no joint more than half a turn from `start`."""
    robot = scene.robot
    low, high = np.maximum(robot.low, start - np.pi), np.minimum(robot.high, start + np.pi)
    seeds = [start, robot.nearest_turn(robot.home, start), *rng.uniform(low, high, (SEEDS, robot.n_joints))]
    found: list[Array] = []
    for seed in seeds:
        result = ik.solve(robot, pose, seed, ITERATIONS)
        if result.converged and all(np.abs(result.q - q).max() > SAME_RAD for q in found):
            found.append(result.q)
    if not found:
        position = pose.position.round(3).tolist()
        raise NoWay(f"the target is out of reach: no joint positions put the TCP at {position}")
    return found
