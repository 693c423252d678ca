"""The planner that is built in: RRT-Connect of the Open Motion Planning Library, in the guard's own scene."""

from typing import Any

import numpy as np

from drift_control.planning.escape import escape
from drift_control.planning.planner import NoWay
from drift_control.planning.scene import Objection, Scene
from drift_control.planning.shorten import shorten
from drift_control.robot.pose import Array

RANGE_RAD = 1.0  # longest edge of a tree


class OmplPlanner:
    """Loads the library with the first plan; until then it costs nothing."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene, self._seed = scene, seed
        self._rng = np.random.default_rng(seed)
        self._library: tuple[Any, Any] | None = None

    def way(self, start: Array, goal: Array, limit_s: float) -> Array:
        """Return points (P, J) [rad]; straight where that is free."""
        scene = self._scene
        inside = escape(scene, start, goal, self._rng)
        allowed = scene.margins(inside, goal)
        if scene.line_free(inside, goal, allowed):
            points = np.array((inside, goal))
        else:
            points = shorten(scene, self._search(inside, goal, allowed, limit_s), allowed, self._rng)
        return points if inside is start else np.concatenate((start[None], points))

    def objection(self, q: Array, limit_s: float) -> Objection | None:
        """Return the first of the poses (N, J) [rad] that touches something."""
        return self._scene.objection(q)

    def close(self) -> None:
        """Nothing is held."""

    def _search(self, start: Array, goal: Array, allowed: Array, limit_s: float) -> Array:
        base, geometric = self._load()
        scene, robot = self._scene, self._scene.robot
        n = robot.n_joints

        def numbers(state: Any) -> Array:
            return np.array([state[i] for i in range(n)])

        class Lines(base.MotionValidator):  # type: ignore[name-defined]
            """A line is checked as a whole: a hundred poses cost little more than one."""

            def checkMotion(self, first: Any, second: Any, *last_valid: Any) -> bool:  # noqa: N802
                return scene.line_free(numbers(first), numbers(second), allowed)

        space = base.RealVectorStateSpace(n)
        bounds = base.RealVectorBounds(n)
        # A joint that turns all around need not do so twice.
        low = np.where(robot.turning, np.minimum(start, goal) - np.pi, robot.low)
        high = np.where(robot.turning, np.maximum(start, goal) + np.pi, robot.high)
        for i in range(n):
            bounds.setLow(i, float(max(low[i], robot.low[i])))
            bounds.setHigh(i, float(min(high[i], robot.high[i])))
        space.setBounds(bounds)
        setup = geometric.SimpleSetup(space)
        information = setup.getSpaceInformation()
        setup.setStateValidityChecker(lambda state: bool(scene.free(numbers(state)[None], allowed)[0]))
        lines = Lines(information)
        information.setMotionValidator(lines)
        first, last = space.allocState(), space.allocState()
        for i in range(n):
            first[i], last[i] = float(start[i]), float(goal[i])
        setup.setStartAndGoalStates(first, last)
        search = geometric.RRTConnect(information)
        search.setRange(RANGE_RAD)
        setup.setPlanner(search)
        setup.solve(limit_s)
        if not setup.haveExactSolutionPath():  # solve() is true for a way that ends before an obstacle, too
            raise NoWay(f"no way was found within {limit_s:.1f} s; is there room around the keep-out boxes?")
        points = np.array([numbers(state) for state in setup.getSolutionPath().getStates()])
        points[0], points[-1] = start, goal
        return points

    def _load(self) -> tuple[Any, Any]:
        if self._library is None:
            try:
                from ompl import base, geometric, util
            except ImportError as error:
                raise NoWay(f"{error}: pip install ompl, as in setup/requirements/run.txt") from error
            util.setLogLevel(util.LOG_NONE)
            util.RNG.setSeed(self._seed + 1)  # it refuses 0
            self._library = base, geometric
        return self._library
