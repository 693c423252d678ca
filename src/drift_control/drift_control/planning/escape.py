"""From a pose that breaks a rule to one near by that breaks none: where an arm was moved by hand."""

import numpy as np

from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Scene
from drift_control.robot.pose import Array

TRIES = 400
FARTHEST_RAD = 0.8  # of any joint


def escape(scene: Scene, start: Array, goal: Array, rng: np.random.Generator) -> Array:
    """Return `start` (J,) if it is free, else free joint positions to which a straight line gets no worse.

    Raises NoWay where no such line is found.
    """
    objection = scene.objection(start[None])
    if objection is None:
        return start
    toward = scene.line(start, goal)[1:]
    spread = np.linspace(0.05, FARTHEST_RAD, TRIES)[:, None]
    around = start + spread * rng.uniform(-1.0, 1.0, (TRIES, len(start)))
    candidates = np.concatenate((toward, around))
    candidates = candidates[scene.free(candidates, scene.margins(goal))]
    order = np.abs(candidates - start).max(axis=1).argsort(kind="stable")
    for q in candidates[order]:
        if scene.way_objection(np.array((start, q))) is None:
            return q
    raise NoWay(f"the arm cannot get away from where it is: {objection.text}; move it by hand")
