#!/usr/bin/env bash
# mink 1.3.0: solve_ik keeps joint limits by a bound on the next step, and its default limits hold no velocity. A joint that stands
# 0.5 rad outside its range, with a task that asks it to stay where it is, is commanded at -47.5 rad/s; with a VelocityLimit of
# 1 rad/s beside it the solver finds no solution at all. safety_break=True refuses the pose with an error instead; it is off by default.
# Hurt: a real arm rests a little outside the model's range (offsets, calibration, a reduced range): a jump, or no command.
# Instead: pass safety_break=True, and before the first step widen the range to hold the measured joints.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet mink==1.3.0 mujoco==4.0.0 daqp==0.11.0 qpsolvers==4.13.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import mink
import mujoco
import numpy as np

model = mujoco.MjModel.from_xml_string("""<mujoco><compiler angle='radian'/><worldbody><body>
<joint name='elbow' type='hinge' range='-1 1'/><geom size='.1' mass='1'/></body></worldbody></mujoco>""")


def velocity(q: float, limits=None, safety_break=False) -> float | str:
    stay = mink.PostureTask(model, cost=1.0)
    stay.set_target(np.array([q]))
    try:
        given = mink.Configuration(model, np.array([q]))
        return round(float(mink.solve_ik(given, [stay], 0.01, "daqp", safety_break=safety_break, limits=limits)[0]), 3)
    except mink.exceptions.MinkError as error:
        return type(error).__name__


both = [mink.ConfigurationLimit(model), mink.VelocityLimit(model, {"elbow": 1.0})]
seen = [velocity(0.9), velocity(1.005), velocity(1.5), velocity(1.5, both), velocity(1.5, safety_break=True)]
print("mink", version("mink"))
print("a task that keeps the joint where it is; range [-1, 1] rad, step 0.01 s")
print(f"at 0.9 rad: expected 0, seen {seen[0]}")
print(f"at 1.005 rad: expected 0 or a slow return, seen {seen[1]} rad/s")
print(f"at 1.5 rad: expected 0 or a slow return, seen {seen[2]} rad/s")
print(f"at 1.5 rad with a limit of 1 rad/s: expected -1 or 0, seen {seen[3]}")
print(f"at 1.5 rad with safety_break=True: an error, seen {seen[4]}")
same = abs(seen[0]) < 1e-6 and seen[1:] == [-0.475, -47.5, "NoSolutionFound", "NotWithinConfigurationLimits"]
sys.exit(0 if same else "the behaviour has changed")
PY
