#!/usr/bin/env bash
# pin 4.1.0: four numbers make a quaternion w first, one array of the same four numbers x first: `Quaternion(1, 0, 0, 0)` is no rotation,
# `Quaternion(np.array([1, 0, 0, 0]))` half a turn about x. `coeffs()`, `XYZQUATToSE3` and the configuration of a free-flyer are x first,
# too.
# Hurt: whoever passes MuJoCo's qpos (w first), or unpacks a message of ROS (x first) with `*`: the arm is asked for another orientation,
# and since both are unit quaternions nothing is refused.
# Instead: name the parts, `Quaternion(w, x, y, z)` from scalars alone, and never `Quaternion(*array)` of an array that is x first.
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

FOUR = np.array([1.0, 0.0, 0.0, 0.0])
nothing, half_turn = np.eye(3), np.diag([1.0, -1.0, -1.0])  # about x
seen = {
    "Quaternion(*four)": (pinocchio.Quaternion(*FOUR).matrix(), nothing),
    "Quaternion(four)": (pinocchio.Quaternion(FOUR).matrix(), half_turn),
    "XYZQUATToSE3": (pinocchio.XYZQUATToSE3([0.0, 0.0, 0.0, *FOUR]).rotation, half_turn),
}
for name, (matrix, _) in seen.items():
    print(f"{name:18} diagonal {matrix.diagonal().tolist()}")
last = pinocchio.Quaternion(*FOUR).coeffs()
print("coeffs() of the first:", last.tolist())
as_seen = all(np.allclose(matrix, wanted) for matrix, wanted in seen.values())
sys.exit(not (pinocchio.__version__ == "4.1.0" and as_seen and np.array_equal(last, [0.0, 0.0, 0.0, 1.0])))
PY
