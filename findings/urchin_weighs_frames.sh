#!/usr/bin/env bash
# urchin 0.0.30: every link of a URDF without an <inertial> (tool0, base_link, a camera's optical frame) gets a mass of 1 kg and an inertia of
# 1 kg m^2 about each axis, and save() writes them into the file. Loading alone makes the same masses; nothing is said.
# Hurt: a description that was loaded, changed and saved, then simulated or used for gravity compensation: here the shoulder of a 2 kg arm
# is said to need three times the torque.
# Instead: give those links Inertial(mass=0.0, inertia=zeros) before save() (None becomes 1 kg again), and compare the sum of the masses.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet urchin==0.0.30 mujoco==4.0.0 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import mujoco
import numpy as np
from urchin import URDF, Inertial

ARM = """<robot name="arm"><link name="base_link"/><link name="tool0"/><link name="camera_optical_frame"/>
<link name="upper_arm"><inertial><origin xyz="0.25 0 0"/><mass value="2"/>
<inertia ixx="0.01" iyy="0.05" izz="0.05" ixy="0" ixz="0" iyz="0"/></inertial></link>
<joint name="shoulder" type="revolute"><parent link="base_link"/><child link="upper_arm"/><axis xyz="0 1 0"/>
<limit lower="-2" upper="2" effort="50" velocity="1"/></joint>
<joint name="flange" type="fixed"><parent link="upper_arm"/><child link="tool0"/><origin xyz="0.5 0 0"/></joint>
<joint name="mount" type="fixed"><parent link="upper_arm"/><child link="camera_optical_frame"/><origin xyz="0.5 0 0"/></joint></robot>"""


def simulated(text):
    """Moving mass [kg] and the torque [Nm] that holds the arm level."""
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return float(model.body_mass.sum()), abs(float(data.qfrc_bias[0]))


Path("arm.urdf").write_text(ARM)
robot = URDF.load("arm.urdf")
loaded = {link.name: float(link.inertial.mass) for link in robot.links}
robot.save("saved.urdf")
for link in robot.links:
    if link.name != "upper_arm":
        link.inertial = None
emptied = {link.name: float(link.inertial.mass) for link in robot.links}
for link in robot.links:
    if link.name != "upper_arm":
        link.inertial = Inertial(mass=0.0, inertia=np.zeros((3, 3)))
robot.save("mended.urdf")
seen = {name: simulated(Path(f"{name}.urdf").read_text()) for name in ("arm", "saved", "mended")}
print("urchin", version("urchin"), "and mujoco", mujoco.__version__)
print("expected: only upper_arm has a mass, and saving changes nothing")
print(f"seen: masses as loaded {loaded} kg")
for name, (mass, torque) in seen.items():
    print(f"seen, {name}.urdf: {mass:.1f} kg move, {torque:.2f} Nm at the shoulder")
print("seen, after setting inertial to None:", emptied)
same = loaded == {"base_link": 1.0, "tool0": 1.0, "camera_optical_frame": 1.0, "upper_arm": 2.0}
same = same and emptied == loaded and seen["mended"] == seen["arm"]
same = same and abs(seen["saved"][0] - 4.0) < 1e-9 and abs(seen["saved"][1] / seen["arm"][1] - 3.0) < 1e-3
sys.exit(0 if same else "the behaviour has changed")
PY
