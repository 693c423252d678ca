#!/usr/bin/env bash
# mujoco 4.0.0: data.cvel, "com-based velocity", has the linear velocity of the point that moves with the body and lies at the centre of mass
# of the whole tree (the arm from its base on), not that of the body, its frame or its own centre of mass.
# Hurt: TCP speed for a limit, a reward or a recorded state: a hand at the end of a 1 m arm that turns at 1 rad/s reads 0.67 m/s, and
# the number changes when something is grasped.
# Instead: mj_objectVelocity, or a framelinvel sensor.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet mujoco==4.0.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import mujoco
import numpy as np

ARM = """<mujoco><worldbody><body><joint axis="0 0 1"/><geom type="capsule" size="0.02" fromto="0 0 0 1 0 0" mass="1"/>
<body name="hand" pos="1 0 0"><geom type="sphere" size="0.05" mass="{}"/></body></body></worldbody></mujoco>"""


def speeds(mass_kg):
    model = mujoco.MjModel.from_xml_string(ARM.format(mass_kg))
    data = mujoco.MjData(model)
    data.qvel[0] = 1.0
    mujoco.mj_forward(model, data)
    hand = model.body("hand").id
    of_object = np.zeros(6)
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, hand, of_object, 0)
    return float(np.linalg.norm(data.cvel[hand][3:])), float(np.linalg.norm(of_object[3:]))


empty, loaded = speeds(0.5), speeds(3.0)
print("mujoco", mujoco.__version__, "a hand of 0.5 kg, then 3 kg, 1 m from the axis, turning at 1 rad/s")
print("expected: 1.0 m/s for both")
print(f"seen: cvel {empty[0]:.3f} and {loaded[0]:.3f} m/s; mj_objectVelocity {empty[1]:.3f} and {loaded[1]:.3f} m/s")
same = np.allclose(empty, (2 / 3, 1.0)) and np.allclose(loaded, (0.875, 1.0))
sys.exit(0 if same else "the behaviour has changed")
PY
