"""A scripted expert for gym-pusht: straight pushes against the T's sides, tried out in a copy of the physics.

Each time a push is over, pushes against points all around the outline, of several lengths, are simulated, and
that is chosen which brings the corners of the T nearest to where they belong. The agent goes there around the
T, outside a circle, and pushes.
"""

from typing import Any

import numpy as np

# The T in the frame of its body [pixel]: the bar, and the stem below it.
CORNERS = np.array(
    [[-60, 0], [60, 0], [60, 30], [15, 30], [15, 120], [-15, 120], [-15, 30], [-60, 30]], float
)
GOAL = np.array([256.0, 256.0, np.pi / 4])  # x, y [pixel], angle [rad]
STEP_PX = 14.0  # of the set-point, in a step
AWAY_PX = 24.0  # from the outline to the agent's centre before a push: its radius is 15
LENGTHS_PX = (12.0, 30.0, 60.0, 110.0)  # of a push, counted from before it
AROUND_PX = 115.0  # radius about the T's middle at which the agent passes by
SPACING_PX = 20.0  # between the points of the outline that are tried
MIDDLE = np.array([0.0, 45.0])  # of the T, in its frame
CLOSE_PX = 40.0  # from its way, beyond which the agent was moved by somebody else


class Pusher:
    """Plans one push after the other."""

    def __init__(self, copy: Any) -> None:
        """`copy`: another environment, whose physics is used to try pushes."""
        self._copy = copy
        copy.reset(seed=0)
        self._points, self._normals = _outline()
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._way: list[np.ndarray] = []

    def act(self, env: Any) -> np.ndarray:
        """Return the agent's next set-point (2,) [pixel]."""
        agent = np.array(env.agent.position)
        if self._way and np.linalg.norm(self._way[0] - agent) > CLOSE_PX:
            self._way = []  # somebody else drove
        if not self._way:
            self._way = self._plan(env, agent)
        return self._way.pop(0)

    def _plan(self, env: Any, agent: np.ndarray) -> list[np.ndarray]:
        """Return the set-points to and along the best push."""
        pose = np.array([*env.block.position, env.block.angle])
        turn = _rotation(pose[2])
        best, chosen = np.inf, (agent, agent)
        for point, normal in zip(self._points @ turn.T + pose[:2], self._normals @ turn.T, strict=True):
            start = point + AWAY_PX * normal
            if (start < 15).any() or (start > 497).any():
                continue
            for length, error in zip(LENGTHS_PX, self._try(pose, start, -normal), strict=True):
                if error < best:
                    best, chosen = error, (start, start - length * normal)
        start, end = chosen
        way = _around(agent, start, pose[:2] + turn @ MIDDLE)
        return [*way, *_steps(start, end)] or [start]

    def _try(self, pose: np.ndarray, start: np.ndarray, direction: np.ndarray) -> list[float]:
        """Return the error of the T after each of `LENGTHS_PX` along `direction` from `start`."""
        sim = self._copy
        sim.block.angle = float(pose[2])
        sim.block.position = tuple(pose[:2])
        sim.block.velocity, sim.block.angular_velocity = (0.0, 0.0), 0.0
        sim.agent.position, sim.agent.velocity = tuple(start), (0.0, 0.0)
        sim.space.reindex_shapes_for_body(sim.block)
        sim.space.reindex_shapes_for_body(sim.agent)
        errors, reached = [], start
        for length in LENGTHS_PX:
            end = start + length * direction
            for target in _steps(reached, end):
                _control(sim, target)
            reached = end
            errors.append(_error(np.array([*sim.block.position, sim.block.angle])))
        return errors


def _control(sim: Any, target: np.ndarray) -> None:
    """Do what a step of the environment does to the physics, without its reward."""
    for _ in range(round(1.0 / (sim.dt * sim.control_hz))):
        way = target - np.array(sim.agent.position)
        velocity = np.array(sim.agent.velocity)
        sim.agent.velocity = tuple(velocity + (sim.k_p * way - sim.k_v * velocity) * sim.dt)
        sim.space.step(sim.dt)


def _error(pose: np.ndarray) -> float:
    """Return the mean distance of the corners from where they belong [pixel]."""
    here = CORNERS @ _rotation(pose[2]).T + pose[:2]
    there = CORNERS @ _rotation(GOAL[2]).T + GOAL[:2]
    return float(np.linalg.norm(here - there, axis=1).mean())


def _outline() -> tuple[np.ndarray, np.ndarray]:
    """Return points of the outline (N, 2) and the normals there (N, 2), in the frame of the T."""
    points, normals = [], []
    for begin, end in zip(CORNERS, np.roll(CORNERS, -1, axis=0), strict=True):
        length = float(np.linalg.norm(end - begin))
        along = (end - begin) / length
        count = max(1, round(length / SPACING_PX))
        for share in (np.arange(count) + 0.5) / count:
            points.append(begin + share * (end - begin))
            normals.append(np.array([along[1], -along[0]]))
    return np.array(points), np.array(normals)


def _around(begin: np.ndarray, end: np.ndarray, middle: np.ndarray) -> list[np.ndarray]:
    """Return a way from `begin` to `end` that keeps off what is within a circle about `middle`."""
    from_rad, to_rad = (float(np.arctan2(*(point - middle)[::-1])) for point in (begin, end))
    turn = (to_rad - from_rad + np.pi) % (2 * np.pi) - np.pi
    if abs(turn) < 0.3 and float(np.linalg.norm(end - begin)) < 2 * AWAY_PX:
        return _steps(begin, end)
    count = max(1, round(abs(turn) * AROUND_PX / STEP_PX))
    arc = [
        middle + AROUND_PX * np.array([np.cos(angle), np.sin(angle)])
        for angle in from_rad + turn * np.linspace(0.0, 1.0, count + 1)
    ]
    arc = [np.clip(point, 16.0, 496.0) for point in arc]
    return [*_steps(begin, arc[0]), *arc[1:], *_steps(arc[-1], end)]


def _steps(begin: np.ndarray, end: np.ndarray) -> list[np.ndarray]:
    """Return the straight way from `begin` to `end`, without `begin`."""
    count = int(np.ceil(np.linalg.norm(end - begin) / STEP_PX))
    return [begin + (end - begin) * (n + 1) / count for n in range(count)]


def _rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
