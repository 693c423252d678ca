"""Poses, rotations and the ten-number action: position, first two columns of R, gripper opening."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """A frame in another frame."""

    position: Array  # (3,) [m]
    rotation: Array  # (3, 3), orthonormal


def rotation_6d(rotation: Array) -> Array:
    """Return the first two columns of R, column after column (6,) (Zhou et al., arXiv 1812.07035)."""
    return np.concatenate((rotation[:, 0], rotation[:, 1]))


def rotation_from_6d(columns: Array) -> Array:
    """Return the rotation (3, 3) nearest in the Gram-Schmidt sense to two columns (6,).

    Raises ValueError when the two columns do not span a plane.
    """
    first, second = np.asarray(columns[:3], dtype=float), np.asarray(columns[3:6], dtype=float)
    length = math.sqrt(first @ first)
    if not length > 1e-6:
        raise ValueError(f"rotation columns={list(map(float, columns))} must have a non-zero first column")
    x = first / length
    rest = second - (x @ second) * x
    length = math.sqrt(rest @ rest)
    if not length > 1e-6:
        raise ValueError(f"rotation columns={list(map(float, columns))} must not be parallel")
    y = rest / length
    rotation = np.empty((3, 3))
    rotation[:, 0] = x
    rotation[:, 1] = y
    rotation[:, 2] = cross(x, y)
    return rotation


def rotation_from_quaternion(xyzw: Array) -> Array:
    """Return the rotation (3, 3) of a quaternion x y z w (4,) of any length but zero."""
    length = math.sqrt(float(xyzw @ xyzw))
    if not (length > 1e-6 and math.isfinite(length)):
        raise ValueError(f"quaternion={list(map(float, xyzw))} must be finite and not zero")
    v, w = xyzw[:3] / length, float(xyzw[3]) / length
    cross_matrix = np.array(((0.0, -v[2], v[1]), (v[2], 0.0, -v[0]), (-v[1], v[0], 0.0)))
    return (w * w - v @ v) * np.eye(3) + 2.0 * np.outer(v, v) + 2.0 * w * cross_matrix


def quaternion_from_rotation(rotation: Array) -> Array:
    """Return the quaternion x y z w (4,), w >= 0, of a rotation (3, 3)."""
    vector = rotation_vector(rotation)
    half = 0.5 * math.sqrt(float(vector @ vector))
    return np.append(0.5 * float(np.sinc(half / np.pi)) * vector, math.cos(half))  # sin(half) / half


def pose_to_action(pose: Pose, gripper_m: float) -> Array:
    """Return x y z [m], 6-D rotation, gripper opening [m] as (10,)."""
    action = np.empty(10)
    action[:3] = pose.position
    action[3:6] = pose.rotation[:, 0]
    action[6:9] = pose.rotation[:, 1]
    action[9] = gripper_m
    return action


def action_to_pose(action: Array) -> tuple[Pose, float]:
    """Return pose and gripper opening [m] of an action (10,); the rotation is re-orthogonalised."""
    action = np.asarray(action, dtype=float)
    return Pose(action[:3].copy(), rotation_from_6d(action[3:9])), float(action[9])


def rotation_vector(rotation: Array) -> Array:
    """Return axis times angle (3,) [rad], angle in [0, pi]."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    x, y, z = zy - yz, xz - zx, yx - xy
    double_sine = math.sqrt(x * x + y * y + z * z)
    double_cosine = xx + yy + zz - 1.0
    angle = math.atan2(double_sine, double_cosine)
    if double_sine > 1e-7:
        scale = angle / double_sine
        return np.array((x * scale, y * scale, z * scale))
    if double_cosine > 0.0:
        return np.array((0.5 * x, 0.5 * y, 0.5 * z))
    # A half turn: R + I = 2 a a^T, whose longest column gives the axis.
    outer = 0.5 * (rotation + np.eye(3))
    axis = outer[:, int(np.argmax(np.diag(outer)))]
    return np.pi * axis / np.linalg.norm(axis)


def rotation_from_vector(vector: Array) -> Array:
    """Return the rotation (3, 3) of axis times angle (3,) [rad] (Rodrigues)."""
    x, y, z = vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return np.array(((1.0, -z, y), (z, 1.0, -x), (-y, x, 1.0)))
    x, y, z = x / angle, y / angle, z / angle
    c, s = math.cos(angle), math.sin(angle)
    d = 1.0 - c
    return np.array(
        (
            (c + x * x * d, x * y * d - z * s, x * z * d + y * s),
            (y * x * d + z * s, c + y * y * d, y * z * d - x * s),
            (z * x * d - y * s, z * y * d + x * s, c + z * z * d),
        )
    )


def slerp(start: Array, end: Array, fraction: float) -> Array:
    """Return the rotation `fraction` of the way along the shortest turn from `start` to `end`."""
    return start @ rotation_from_vector(fraction * rotation_vector(start.T @ end))


def cross(a: Array, b: Array) -> Array:
    """Return a x b for two vectors (3,); numpy's own costs ten times as much at this size."""
    a0, a1, a2 = a.tolist()
    b0, b1, b2 = b.tolist()
    return np.array((a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0))
