#!/usr/bin/env bash
# ruckig 0.19.4 from Python: vectors of InputParameter come out as copies, so `given.target_position[2] = 0.5` changes nothing and
# says nothing; only the assignment of a whole list is kept.
# Hurt: whoever moves one joint, or updates the measured position joint by joint: the arm plans to the old target from the old place.
# Instead: build a list and assign it whole.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet ruckig==0.19.4
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

from ruckig import InputParameter

given = InputParameter(3)
given.current_position = [0.0, 0.0, 0.0]
given.target_position = [0.1, 0.1, 0.1]
given.current_position[0] = 0.7
given.target_position[2] = 0.5
print("ruckig", version("ruckig"))
print("expected: current [0.7, 0.0, 0.0], target [0.1, 0.1, 0.5]")
print(f"seen: current {given.current_position}, target {given.target_position}")
same = given.current_position == [0.0, 0.0, 0.0] and given.target_position == [0.1, 0.1, 0.1]
sys.exit(0 if same else "the behaviour has changed")
PY
