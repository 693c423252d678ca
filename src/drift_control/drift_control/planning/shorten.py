"""Fewer points and a shorter way: what random planners find has detours."""

import numpy as np

from drift_control.planning.scene import Scene
from drift_control.robot.pose import Array

ROUNDS = 80


def shorten(scene: Scene, points: Array, allowed: Array, rng: np.random.Generator) -> Array:
    """Return points (P', J) with the ends of (P, J) [rad], on lines that keep what is allowed (K,)."""
    points = _skip(scene, points, allowed)
    for _ in range(ROUNDS):
        if len(points) < 3:
            break
        points = _cut(scene, points, allowed, rng)
    return _skip(scene, points, allowed)


def _skip(scene: Scene, points: Array, allowed: Array) -> Array:
    """Go on from each point to the last one in sight."""
    kept, at = [0], 0
    while at < len(points) - 1:
        later = range(len(points) - 1, at + 1, -1)
        at = next((i for i in later if scene.line_free(points[at], points[i], allowed)), at + 1)
        kept.append(at)
    return points[kept]


def _cut(scene: Scene, points: Array, allowed: Array, rng: np.random.Generator) -> Array:
    """Join two places of the way, drawn at random, by a straight line if that is free."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    ends = np.concatenate(((0.0,), lengths.cumsum()))
    first, last = np.sort(rng.uniform(0.0, ends[-1], 2))
    i, j = (int(np.searchsorted(ends, at, side="right")) - 1 for at in (first, last))
    if i == j or lengths[i] <= 0.0 or lengths[j] <= 0.0:
        return points
    a = points[i] + (first - ends[i]) / lengths[i] * (points[i + 1] - points[i])
    b = points[j] + (last - ends[j]) / lengths[j] * (points[j + 1] - points[j])
    if not scene.line_free(a, b, allowed):
        return points
    return np.concatenate((points[: i + 1], (a, b), points[j + 1 :]))
