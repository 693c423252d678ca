#!/usr/bin/env bash
# pin 4.1.0: what stands in `data.oMi[i]` and `data.oMf[i]` is a view of `data`, and so are its `rotation` and `translation`: every pose
# kept from a loop is the last one. Matrices and vectors that functions return (Jacobians, crba, rnea, centre of mass) are copies, so the
# same loop is right for them.
# Hurt: whoever keeps the poses of a path, a target before a step, or the last pose to measure a speed: three poses of a joint at 0, 0.5
# and 1 rad are all at 1 rad, a difference of two is zero, and nothing warns.
# Instead: keep `pin.SE3(data.oMi[i])`, or `data.oMi[i].copy()`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pin==4.1.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import numpy as np
import pinocchio

ARM = """<robot name="two">
  <link name="base"/>
  <link name="upper"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <link name="lower"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link>
  <joint name="shoulder" type="revolute">
    <parent link="base"/><child link="upper"/><axis xyz="0 0 1"/><limit lower="-2" upper="2" velocity="1" effort="1"/>
  </joint>
  <joint name="elbow" type="revolute">
    <parent link="upper"/><child link="lower"/><origin xyz="1 0 0"/><axis xyz="0 0 1"/>
    <limit lower="-2" upper="2" velocity="1" effort="1"/>
  </joint>
</robot>"""
model = pinocchio.buildModelFromXML(ARM)
data = model.createData()
elbow, lower = model.getJointId("elbow"), model.getFrameId("lower")
kept = {name: [] for name in ("oMi", "oMi copied", "translation", "oMf", "Jacobian")}
for angle in (0.0, 0.5, 1.0):
    q = np.array([angle, 0.0])
    kept["Jacobian"].append(pinocchio.computeJointJacobians(model, data, q))
    pinocchio.framesForwardKinematics(model, data, q)
    kept["oMi"].append(data.oMi[elbow])
    kept["oMi copied"].append(data.oMi[elbow].copy())
    kept["translation"].append(data.oMi[elbow].translation)
    kept["oMf"].append(data.oMf[lower])

# the elbow is at (cos, sin) of the shoulder's angle, so turning about it moves what is at the origin by (sin, -cos)
seen = {
    "oMi": [float(pose.translation[1]) for pose in kept["oMi"]],
    "oMi copied": [float(pose.translation[1]) for pose in kept["oMi copied"]],
    "translation": [float(place[1]) for place in kept["translation"]],
    "oMf": [float(pose.translation[1]) for pose in kept["oMf"]],
    "Jacobian": [float(matrix[0, elbow - 1]) for matrix in kept["Jacobian"]],
}
right, last = [0.0, np.sin(0.5), np.sin(1.0)], [np.sin(1.0)] * 3
for name, values in seen.items():
    print(f"{name:11}", " ".join(f"{value:.3f}" for value in values))
views = all(np.allclose(seen[name], last) for name in ("oMi", "translation", "oMf"))
copies = all(np.allclose(seen[name], right) for name in ("oMi copied", "Jacobian"))
sys.exit(not (pinocchio.__version__ == "4.1.0" and views and copies))
PY
