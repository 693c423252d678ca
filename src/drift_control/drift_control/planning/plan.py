"""A plan: from where the arm is to a target, around everything that its file says is there."""

import time
from dataclasses import dataclass

import numpy as np

from drift_control.planning.planner import NoWay, Planner
from drift_control.planning.scene import Scene
from drift_control.planning.target import Target
from drift_control.planning.targets import goals
from drift_control.planning.timing import times_s
from drift_control.robot.pose import Array

ALTERNATIVES = 4  # joint positions for one pose that are tried


@dataclass(frozen=True)
class Plan:
    """Straight lines in joint space; nobody has to follow them at these times."""

    points: Array  # (P, J) [rad]; the first is the start, the last the target
    times_s: Array  # (P,) since the start, for an arm that stops at each point


def make_plan(
    planner: Planner, scene: Scene, start: Array, target: Target, limit_s: float, rng: np.random.Generator
) -> Plan:
    """Return a way from `start` (J,) [rad] to `target` that the guard would let the arm go.

    Whoever has planned, its way is looked at in `scene` again. Raises NoWay.
    """
    robot = scene.robot
    if start.shape != (robot.n_joints,) or not np.isfinite(start).all():
        raise NoWay(f"start must be {robot.n_joints} finite numbers, got {start.tolist()}")
    until_s = time.monotonic() + limit_s
    failures = []
    for goal in goals(scene, target, start, rng)[:ALTERNATIVES]:
        left_s = until_s - time.monotonic()
        if left_s <= 0.0:
            break
        try:
            points = planner.way(start, goal, left_s)
        except NoWay as error:
            failures.append(str(error))
            continue
        objection = scene.way_objection(points)
        if objection is None:
            return Plan(points, times_s(robot, points))
        failures.append(f"the guard would not let the arm go that way: {objection.text}")
    raise NoWay(failures[0] if failures else f"no time is left of {limit_s:g} s")
