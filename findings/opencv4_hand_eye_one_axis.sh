#!/usr/bin/env bash
# OpenCV 4.13's calibrateHandEye, given exact poses that all turn about one axis (a SCARA, or a wrist that only yaws), answers without
# an error: one method with a rotation that is wrong by tens of degrees, one with NaN, one with the height quietly set to 0.
# The height cannot be known from such poses; that is never said.
# Hurt: arms whose calibration poses look varied but share an axis; the camera ends up centimetres or metres away.
# Instead: turn the hand by 30 degrees or more about two axes, and compare two methods.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==4.13.0.92 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import cv2
import numpy as np


def pose(rotation, translation) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = cv2.Rodrigues(np.array(rotation, float))[0]
    matrix[:3, 3] = translation
    return matrix


camera = pose([0.1, 0.2, 1.0], [0.05, 0.02, 0.10])  # in the hand: what the calibration should find
target = pose([0.3, -0.2, 0.1], [1.0, 0.5, 0.2])
draw = np.random.default_rng(0)


def errors(rotations) -> dict[str, tuple[float, float]]:
    """Degrees and metres between the camera's true pose and each method's answer."""
    hands = [pose(r, draw.normal(size=3)) for r in rotations]
    seen = [np.linalg.inv(hand @ camera) @ target for hand in hands]
    parts = [[m[:3, :3] for m in hands], [m[:3, 3] for m in hands], [m[:3, :3] for m in seen], [m[:3, 3] for m in seen]]
    result = {}
    for name in ("TSAI", "PARK", "ANDREFF"):
        rotation, translation = cv2.calibrateHandEye(*parts, method=getattr(cv2, f"CALIB_HAND_EYE_{name}"))
        cosine = (np.trace(rotation.T @ camera[:3, :3]) - 1.0) / 2.0
        result[name] = (float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))), float(np.linalg.norm(translation.ravel() - camera[:3, 3])))
    return result


many, one = errors(draw.normal(size=(10, 3))), errors(np.outer(draw.normal(size=10), [0.0, 0.0, 1.0]))
print("opencv", cv2.__version__)
print("turns about many axes: expected no error, seen (degrees, metres)", {k: tuple(round(v, 4) for v in e) for k, e in many.items()})
print("turns about one axis: expected an exception or a warning, seen", {k: tuple(round(v, 4) for v in e) for k, e in one.items()})
good = all(angle < 1e-3 and metres < 1e-6 for angle, metres in many.values())
bad = one["TSAI"][0] > 10.0 and np.isnan(one["PARK"][1]) and one["ANDREFF"][0] < 1e-3 and abs(one["ANDREFF"][1] - 0.1) < 1e-6
sys.exit(0 if good and bad else "the behaviour has changed")
PY
