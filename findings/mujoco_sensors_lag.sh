#!/usr/bin/env bash
# MuJoCo 4.0.0: after mj_step, qpos, qvel and time are those of the new instant, but site and body poses and the sensors are still
# those of the one before: a jointpos sensor and qpos of the same joint differ.
# Hurt: data sets and controllers that read the joint from qpos and the tool's pose (or a sensor) in the same row: one step apart,
# 1 cm at 1 m/s with steps of 10 ms, and always behind.
# Instead: call mj_forward after the step before you read both, or read everything from one side.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet mujoco==4.0.0
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys

import mujoco

model = mujoco.MjModel.from_xml_string("""<mujoco><option timestep='0.01' gravity='0 0 0'/><worldbody><body>
<joint name='rail' type='slide' axis='1 0 0'/><geom size='.1' mass='1'/><site name='tool'/></body></worldbody>
<sensor><jointpos joint='rail'/></sensor></mujoco>""")
data = mujoco.MjData(model)
data.qvel[0] = 1.0
for _ in range(3):
    mujoco.mj_step(model, data)


def row() -> tuple[float, ...]:
    return tuple(round(float(v), 6) for v in (data.time, data.qpos[0], data.site("tool").xpos[0], data.sensordata[0]))


stepped = row()
mujoco.mj_forward(model, data)
forwarded = row()
print("mujoco", mujoco.__version__)
print("expected after three steps at 1 m/s: time, joint, tool and sensor (0.03, 0.03, 0.03, 0.03)")
print(f"seen: {stepped}; after mj_forward {forwarded}")
sys.exit(0 if stepped == (0.03, 0.03, 0.02, 0.02) and forwarded == (0.03,) * 4 else "the behaviour has changed")
PY
