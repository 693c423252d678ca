#!/usr/bin/env bash
# OMPL 2.0.1 from Python: `if setup.solve(seconds):` is true for an approximate solution too. Behind a wall without a gap the
# answer is true, haveSolutionPath() is true, and the path ends in front of the wall.
# Hurt: arms that execute the path and then close the gripper where the goal should have been.
# Instead: ask haveExactSolutionPath(), or compare the status with EXACT_SOLUTION.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ompl==2.0.1
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

from ompl import base, geometric, util

util.setLogLevel(util.LOG_NONE)
util.RNG.setSeed(1)
space = base.RealVectorStateSpace(2)
bounds = base.RealVectorBounds(2)
bounds.setLow(-1.0)
bounds.setHigh(1.0)
space.setBounds(bounds)
setup = geometric.SimpleSetup(space)
setup.setStateValidityChecker(lambda state: abs(state[0]) > 0.1)
start, goal = space.allocState(), space.allocState()
start[0], start[1] = -0.5, 0.0
goal[0], goal[1] = 0.5, 0.0
setup.setStartAndGoalStates(start, goal)
setup.setPlanner(geometric.RRTConnect(setup.getSpaceInformation()))
status = setup.solve(1.0)
seen = (bool(status), setup.haveSolutionPath(), setup.haveExactSolutionPath())
end = [state[0] for state in setup.getSolutionPath().getStates()][-1]
print("ompl", version("ompl"))
print("expected: no path crosses the wall at |x| <= 0.1, so solve() is false")
print(f"seen: solve() {seen[0]} ({status}), haveSolutionPath {seen[1]}, haveExactSolutionPath {seen[2]}, path ends at x = {end:.3f}")
sys.exit(0 if seen == (True, True, False) and end < -0.1 else "the behaviour has changed")
PY
