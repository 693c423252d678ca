#!/usr/bin/env bash
# ruckig 0.19.4: Trajectory.position_extrema can lie inside the path. For an arm that must overshoot its target (moving at 0.9 rad/s,
# at most 1 rad/s^2, so at least 0.405 rad until it stands) it gives 0.369 rad as the highest position; the path reaches 0.450.
# Hurt: whoever checks joint limits or a keep-out zone by the extrema, the one call that is meant for it.
# Instead: sample at_time() over the duration and take the largest and smallest value.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ruckig==0.19.4
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

from ruckig import InputParameter, Ruckig, Trajectory

given = InputParameter(1)
given.max_velocity, given.max_acceleration, given.max_jerk = [1.0], [1.0], [10.0]
given.current_position, given.current_velocity, given.target_position = [0.0], [0.9], [0.2]
trajectory = Trajectory(1)
Ruckig(1).calculate(given, trajectory)
told = trajectory.position_extrema[0].max
sampled = max(trajectory.at_time(k * 0.001)[0][0] for k in range(int(trajectory.duration * 1000) + 1))
print("ruckig", version("ruckig"))
print(f"expected: position_extrema gives the highest position of the path, {sampled:.3f} rad")
print(f"seen: {told:.3f} rad")
sys.exit(0 if told < 0.9**2 / 2 < sampled and abs(sampled - 0.4496) < 1e-3 else "the behaviour has changed")
PY
