"""Hands and cameras for the tests of hand-eye calibration."""

import cv2
import numpy as np

DOWN = np.diag([1.0, -1.0, -1.0, 1.0])


def frame(turn, shift):
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = cv2.Rodrigues(np.array(turn, dtype=float))[0], shift
    return result


def angle_deg(a, b):
    return np.degrees(np.linalg.norm(cv2.Rodrigues(a[:3, :3].T @ b[:3, :3])[0]))


def hands(mount, n, rng, tilt_deg=(25.0, 25.0, 25.0)):
    """Return poses of a hand that points down, tilted about x y z by up to so much."""
    centre = np.array([0.47, 0.0, 0.45 if mount == "hand" else 0.3])
    poses = []
    for _ in range(n):
        pose = DOWN @ frame(np.radians(rng.uniform(-1.0, 1.0, 3) * tilt_deg), (0.0, 0.0, 0.0))
        pose[:3, 3] = centre + rng.uniform(-0.06, 0.06, 3)
        poses.append(pose)
    return poses


def truth(mount):
    """Return the camera in what carries it, and the board in the other, so that the one sees the other."""
    if mount == "hand":
        camera = frame((0.1, -0.2, 1.5), (0.05, 0.03, -0.08))
        board = DOWN @ frame((0.05, 0.02, 0.3), (0.0, 0.0, 0.0))
        board[:3, 3] = (0.35, 0.12, 0.0)
        return camera, board
    camera = frame((0.0, 0.0, np.pi / 2), (0.0, 0.0, 0.0)) @ frame((-2.2, 0.1, 0.0), (0.0, 0.0, 0.0))
    camera[:3, 3] = (1.1, 0.1, 0.7)
    middle = DOWN.copy()
    middle[:3, 3] = (0.47, 0.0, 0.3)
    return camera, np.linalg.inv(middle) @ camera @ frame((0.1, 0.1, 0.1), (-0.14, -0.1, 0.75))
