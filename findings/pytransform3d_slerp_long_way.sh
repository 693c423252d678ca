#!/usr/bin/env bash
# pytransform3d 3.17.0: quaternion_slerp follows the signs of its two quaternions; where they differ it turns the long way round. A
# quaternion and its negative are one orientation, and drivers and filters send either. scipy's Slerp, pyquaternion, numpy-quaternion and
# this package's own dual_quaternion_sclerp take the short way.
# Hurt: between two poses 20 degrees apart the arm is led through 340.
# Instead: quaternion_slerp(start, end, t, shortest_path=True).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pytransform3d==3.17.0 scipy==1.17.1 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pytransform3d.rotations import quaternion_slerp
from pytransform3d.transformations import dual_quaternion_from_pq, dual_quaternion_sclerp
from scipy.spatial.transform import Rotation, Slerp


def about_z(degrees):  # w, x, y, z
    half = np.radians(degrees) / 2
    return np.array([np.cos(half), 0.0, 0.0, np.sin(half)])


def degrees_of(quaternion):
    return round(float(np.degrees(2 * np.arctan2(quaternion[3], quaternion[0])) % 360), 6)


def pose(quaternion):
    return dual_quaternion_from_pq(np.concatenate([np.zeros(3), quaternion]))


start, end = about_z(10), -about_z(30)
seen = {
    "scipy": degrees_of(Slerp([0, 1], Rotation.from_quat([start, end], scalar_first=True))(0.5).as_quat(scalar_first=True)),
    "dual_quaternion_sclerp": degrees_of(dual_quaternion_sclerp(pose(start), pose(end), 0.5)),
    "quaternion_slerp": degrees_of(quaternion_slerp(start, end, 0.5)),
    "quaternion_slerp, shortest_path=True": degrees_of(quaternion_slerp(start, end, 0.5, shortest_path=True)),
}
print("pytransform3d", version("pytransform3d"), "half-way from 10 to 30 degrees about z, the second quaternion with the other sign")
print("expected: 20 degrees")
print(f"seen: {seen}")
sys.exit(0 if list(seen.values()) == [20.0, 20.0, 200.0, 20.0] else "the behaviour has changed")
PY
