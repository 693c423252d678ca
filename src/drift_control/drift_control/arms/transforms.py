"""Homogeneous transforms (4, 4), and chains of them from the makers' Denavit-Hartenberg tables."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Transform = NDArray[np.float64]


def rotation_x(angle_rad: float) -> Transform:
    """Return a turn about x as (4, 4)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array(((1.0, 0, 0, 0), (0, c, -s, 0), (0, s, c, 0), (0, 0, 0, 1.0)))


def rotation_z(angle_rad: float) -> Transform:
    """Return a turn about z as (4, 4)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array(((c, -s, 0, 0), (s, c, 0, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0)))


def translation(x: float, y: float, z: float) -> Transform:
    """Return a shift [m] as (4, 4)."""
    transform = np.eye(4)
    transform[:3, 3] = x, y, z
    return transform


def modified_dh(rows: Iterable[tuple[float, float, float]]) -> Transform:
    """Return the transforms before each joint (J, 4, 4) for rows a_{i-1} [m], alpha_{i-1} [rad], d_i [m]."""
    return np.array([rotation_x(alpha) @ translation(a, 0.0, d) for a, alpha, d in rows])


def standard_dh(rows: Iterable[tuple[float, float, float]]) -> Transform:
    """Return the transforms behind each joint (J, 4, 4) for rows a_i [m], alpha_i [rad], d_i [m]."""
    return np.array([translation(a, 0.0, d) @ rotation_x(alpha) for a, alpha, d in rows])
