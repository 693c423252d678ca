"""Clearances between the capsules of an arm, and to the table, for many joint positions at once."""

import numpy as np

from drift_control.robot.pose import Array
from drift_control.robot.robot import Robot

NEAR_M = 0.02  # clearances above this need no exact value
SPACING = 0.5  # of its radius: the most between two spheres that stand for a capsule beside a box


class CapsuleModel:
    """The coarse hull of one arm and its hand."""

    def __init__(self, robot: Robot) -> None:
        capsules = robot.capsules
        index = {capsule.name: i for i, capsule in enumerate(capsules)}
        ones = np.ones((len(capsules), 1))
        frames = np.array([capsule.frame for capsule in capsules])
        ends = np.stack(  # (C, 4, 2) homogeneous, start and end
            (
                np.hstack((np.array([capsule.start_m for capsule in capsules]), ones)),
                np.hstack((np.array([capsule.end_m for capsule in capsules]), ones)),
            ),
            axis=-1,
        )
        self._radius = np.array([capsule.radius_m for capsule in capsules])
        pairs = np.array([(index[a], index[b]) for a, b in robot.collision_pairs])
        self._first, self._second = pairs[:, 0], pairs[:, 1]
        self._pair_radius = self._radius[self._first] + self._radius[self._second]
        length = np.linalg.norm(ends[:, :3, 1] - ends[:, :3, 0], axis=1)
        self._pair_reach = self._pair_radius + (length[self._first] + length[self._second]) / 2.0
        self._moving = np.flatnonzero(frames > 0)  # (M,) the base stays where it was bolted down
        self._still = np.flatnonzero(frames == 0)
        ends[frames == robot.n_joints + 1] = robot.mount @ ends[frames == robot.n_joints + 1]
        self._still_ends = ends[self._still, :3]
        self._moving_ends = ends[self._moving]  # (M, 4, 2) in the frame of the joint that they turn with
        self._joint = np.minimum(frames[self._moving], robot.n_joints) - 1  # (M,) its index
        radius, length = self._radius[self._moving], length[self._moving]
        self._reach = radius + length / 2.0
        gaps = np.maximum(1, np.ceil(length / (SPACING * radius))).astype(int)  # between the spheres, (M,)
        self._sphere_owner = np.repeat(np.arange(len(gaps)), gaps + 1)  # (S,) index into `moving`
        self._sphere_share = np.concatenate([np.linspace(0.0, 1.0, n + 1) for n in gaps])[:, None]
        # As large as it takes for the spheres to hold all of the capsule, also halfway between two of them.
        self._sphere_radius = np.hypot(radius, length / gaps / 2.0)[self._sphere_owner]
        self._above = np.array([index[name] for name in robot.above_table])

    def place(self, joint_frames: Array) -> Array:
        """Return the ends of all capsules in the base frame, (N, C, 3, 2), for joint frames (N, J, 4, 4)."""
        ends = np.empty((len(joint_frames), len(self._radius), 3, 2))
        ends[:, self._still] = self._still_ends
        ends[:, self._moving] = joint_frames[:, self._joint, :3] @ self._moving_ends
        return ends

    def height_m(self, ends: Array) -> Array:
        """Return the height of the lowest point of each link that may not touch the table, (N, A)."""
        return ends[:, self._above, 2].min(axis=2) - self._radius[self._above]

    def box_clearance_m(self, ends: Array, low: Array, high: Array) -> Array:
        """Return the distance of each capsule but the base's to a box, (N, M) [m]; large ones are bounds.

        Below zero by how deep the capsule is inside. Outside never more than the true distance, and at most
        4 % of the radius less.
        """
        moving = ends[:, self._moving]
        start, end = moving[..., 0], moving[..., 1]  # (N, M, 3)
        clearance = box_distance((start + end) / 2.0, low, high) - self._reach
        near = (clearance < NEAR_M).any(axis=0)
        if near.any():
            spheres = np.flatnonzero(near[self._sphere_owner])
            owner = self._sphere_owner[spheres]
            centres = start[:, owner] + self._sphere_share[spheres] * (end - start)[:, owner]
            distance = box_distance(centres, low, high) - self._sphere_radius[spheres]
            first = np.flatnonzero(np.diff(owner, prepend=-1))  # sphere of each near capsule
            clearance[:, near] = np.minimum.reduceat(distance, first, axis=1)
        return clearance

    def self_clearance_m(self, ends: Array) -> Array:
        """Return the gap of each two capsules that may not touch, (N, P) [m]; large ones are bounds."""
        middle = (ends[..., 0] + ends[..., 1]) / 2.0  # (N, C, 3)
        gap = middle[:, self._first] - middle[:, self._second]
        clearance = np.sqrt((gap * gap).sum(axis=2)) - self._pair_reach
        near = np.flatnonzero(clearance.min(axis=0) < NEAR_M)
        if len(near):
            first, second = ends[:, self._first[near]], ends[:, self._second[near]]  # (N, near pairs, 3, 2)
            distance = segment_distance(first[..., 0], first[..., 1], second[..., 0], second[..., 1])
            clearance[:, near] = distance - self._pair_radius[near]
        return clearance


def box_distance(points: Array, low: Array, high: Array) -> Array:
    """Return the distances of points (..., 3) to a box [m]; inside below zero, by the depth under a face."""
    beyond = np.maximum(low - points, points - high)
    deepest = np.maximum(np.maximum(beyond[..., 0], beyond[..., 1]), beyond[..., 2])
    outside = np.maximum(beyond, 0.0)
    return np.sqrt(_dot(outside, outside)) + np.minimum(deepest, 0.0)


def segment_distance(p1: Array, q1: Array, p2: Array, q2: Array) -> Array:
    """Return the distances between segments p1-q1 and p2-q2, all (..., 3).

    After Ericson, "Real-Time Collision Detection", section 5.1.9.
    """
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2
    a, e, f = _dot(d1, d1), _dot(d2, d2), _dot(d2, r)
    b, c = _dot(d1, d2), _dot(d1, r)
    tiny = 1e-12
    denominator = a * e - b * b
    s = np.where(denominator > tiny, (b * f - c * e) / np.maximum(denominator, tiny), 0.0)
    s = np.clip(s, 0.0, 1.0)
    t = np.clip(np.where(e > tiny, (b * s + f) / np.maximum(e, tiny), 0.0), 0.0, 1.0)
    s = np.clip(np.where(a > tiny, (b * t - c) / np.maximum(a, tiny), 0.0), 0.0, 1.0)
    gap = r + s[..., None] * d1 - t[..., None] * d2
    return np.sqrt(_dot(gap, gap))


def _dot(a: Array, b: Array) -> Array:
    return np.einsum("...i,...i->...", a, b)
