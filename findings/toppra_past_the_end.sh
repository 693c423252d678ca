#!/usr/bin/env bash
# A toppra 0.6.10 trajectory evaluated after its end does not hold the goal: the last cubic goes on, backwards here, and above the
# velocity limit that the path was timed for.
# Hurt: control loops that sample by the clock; a tick or a stall past the end commands a motion away from the goal.
# Instead: clip the time to [0, duration] yourself and command zero velocity after it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet toppra==0.6.10
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import logging
import sys
from importlib.metadata import version

import toppra
import toppra.algorithm
import toppra.constraint

logging.disable(logging.CRITICAL)
path = toppra.SplineInterpolator([0.0, 0.5, 1.0], [[0.0], [1.0], [0.5]])
limits = [toppra.constraint.JointVelocityConstraint([1.0]), toppra.constraint.JointAccelerationConstraint([2.0])]
trajectory = toppra.algorithm.TOPPRA(limits, path).compute_trajectory(0.0, 0.0)
end = trajectory.duration
at_end, later, speed = (float(v[0]) for v in (trajectory(end), trajectory(end + 0.5), trajectory(end + 0.5, 1)))
print("toppra", version("toppra"))
print(f"expected: the goal {at_end:.3f} rad and 0 rad/s half a second after the end (or an error)")
print(f"seen: {later:.3f} rad at {speed:.3f} rad/s, with a limit of 1 rad/s")
sys.exit(0 if abs(at_end - 0.5) < 1e-9 and abs(later - at_end) > 0.2 and abs(speed) > 1.0 else "the behaviour has changed")
PY
