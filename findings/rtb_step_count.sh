#!/usr/bin/env bash
# roboticstoolbox 1.5.0: asked for the same motion in 50 steps, jtraj gives velocities as if it took one second, quintic, and mtraj
# with it, as if each step took one; they differ by 49 times. With a vector of times all three agree.
# Hurt: velocity feed-forward or a check against joint speed limits made from a step count.
# Instead: always pass the times in seconds, never a number of steps.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet roboticstoolbox-python==1.5.0 spatialmath-python==1.1.18 scipy==1.17.1 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import numpy as np
import roboticstoolbox as rtb

times = np.linspace(0.0, 10.0, 50)
peak = {
    "jtraj": (rtb.jtraj([0.0], [1.0], 50).qd.max(), rtb.jtraj([0.0], [1.0], times).qd.max()),
    "quintic": (rtb.quintic(0.0, 1.0, 50).qd.max(), rtb.quintic(0.0, 1.0, times).qd.max()),
    "mtraj": tuple(rtb.mtraj(rtb.quintic, [0.0], [1.0], t).qd.max() for t in (50, times)),
}
print("roboticstoolbox", version("roboticstoolbox-python"))
print("0 to 1 rad by a polynomial of fifth degree; expected: all functions give the same peak velocity")
for name, (by_count, by_time) in peak.items():
    print(f"seen, {name}: 50 steps {by_count:.4f}, 50 times over 10 s {by_time:.4f} rad/s")
ratio = peak["jtraj"][0] / peak["quintic"][0]
same = abs(ratio - 49.0) < 0.1 and peak["mtraj"] == peak["quintic"] and abs(peak["jtraj"][1] - peak["quintic"][1]) < 1e-9
sys.exit(0 if same else "the behaviour has changed")
PY
