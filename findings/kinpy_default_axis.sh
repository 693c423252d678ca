#!/usr/bin/env bash
# kinpy 0.6.1: a joint whose URDF names no axis turns about z. The format's default is x (1 0 0), about which yourdfpy and pin turn the
# same file. There is no warning, and the chain's limits and lengths are right, so forward and inverse kinematics are those of another arm.
# Hurt: whoever writes joints about x without the axis, as the format allows: the tip here is 0.68 m from where the arm has it, at 0.5 rad.
# Instead: write <axis xyz="1 0 0"/> into the file, or compare the tip at one bent posture with another library.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet kinpy==0.6.1 yourdfpy==0.0.60 pin==4.1.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import kinpy
import numpy as np
import pinocchio
from yourdfpy import URDF

angle, length = 0.5, 1.0


def arm(axis):
    return f"""<robot name="arm">
  <link name="base"/>
  <link name="boom"/>
  <link name="tip"/>
  <joint name="shoulder" type="revolute">
    <parent link="base"/><child link="boom"/>{axis}<limit lower="-2" upper="2" effort="1" velocity="1"/>
  </joint>
  <joint name="end" type="fixed"><origin xyz="0 {length} 0"/><parent link="boom"/><child link="tip"/></joint>
</robot>"""


def with_kinpy(text):
    return kinpy.build_serial_chain_from_urdf(text, "tip").forward_kinematics([angle]).pos


def with_yourdfpy(text):
    Path("arm.urdf").write_text(text)
    loaded = URDF.load("arm.urdf")
    loaded.update_cfg([angle])
    return loaded.get_transform("tip", "base")[:3, 3]


def with_pin(text):
    model = pinocchio.buildModelFromXML(text)
    data = model.createData()
    pinocchio.framesForwardKinematics(model, data, np.array([angle]))
    return data.oMf[model.getFrameId("tip")].translation.copy()


unnamed, named = arm(""), arm('<axis xyz="1 0 0"/>')
expected = np.array([0, length * np.cos(angle), length * np.sin(angle)])
tips = {"kinpy": with_kinpy(unnamed), "yourdfpy": with_yourdfpy(unnamed), "pin": with_pin(unnamed)}
spelt = with_kinpy(named)
about_z = np.array([-length * np.sin(angle), length * np.cos(angle), 0])
print("one revolute joint without an axis, at 0.5 rad, the tip 1 m along y")
print(f"expected, about x: {expected.round(3)}")
for name, tip in tips.items():
    print(f"seen, {name} {version(name)}: {np.round(tip, 3)}, {np.linalg.norm(tip - expected):.2f} m away")
print(f"seen, kinpy, with the axis written out: {np.round(spelt, 3)}")
same = np.allclose(tips["kinpy"], about_z, atol=1e-6) and all(np.allclose(tips[n], expected) for n in ("yourdfpy", "pin"))
same = same and np.allclose(spelt, expected, atol=1e-6) and np.isclose(np.linalg.norm(tips["kinpy"] - expected), 0.678, atol=1e-3)
sys.exit(0 if same else "the behaviour has changed")
PY
