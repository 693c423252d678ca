#!/usr/bin/env bash
# ruckig 0.19.4 has max_position and min_position in its input and takes them without a word, but the version on PyPI does not
# keep them: the path passes the limit, and even a target beyond it is planned to.
# Hurt: arms that rely on them near a joint limit; the velocity limit beside them is kept, so a quick test looks good.
# Instead: sample the planned path and compare it with your limits before you send anything.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ruckig==0.19.4
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

from ruckig import InputParameter, Result, Ruckig, Trajectory


def plan(velocity: float, target: float, limit: float) -> tuple[Result, float]:
    """The answer and the highest of the sampled positions."""
    given = InputParameter(1)
    given.max_velocity, given.max_acceleration, given.max_jerk = [1.0], [1.0], [10.0]
    given.current_position, given.current_velocity, given.target_position = [0.0], [velocity], [target]
    given.min_position, given.max_position = [-limit], [limit]
    trajectory = Trajectory(1)
    result = Ruckig(1).calculate(given, trajectory)
    return result, max(trajectory.at_time(k * 0.001)[0][0] for k in range(int(trajectory.duration * 1000) + 2))


overshoot, beyond = plan(0.9, 0.2, 0.3), plan(0.0, 1.0, 0.5)
print("ruckig", version("ruckig"))
print(f"limit 0.3, moving at 0.9, target 0.2: expected a refusal or at most 0.3, seen {overshoot[0].name}, highest {overshoot[1]:.3f}")
print(f"limit 0.5, target 1.0: expected a refusal, seen {beyond[0].name}, highest {beyond[1]:.3f}")
same = overshoot[0] == beyond[0] == Result.Working and abs(overshoot[1] - 0.45) < 0.005 and abs(beyond[1] - 1.0) < 1e-6
sys.exit(0 if same else "the behaviour has changed")
PY
