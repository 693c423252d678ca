#!/usr/bin/env bash
# A URDF gripper whose second finger mimics the first: yourdfpy 0.0.60 moves both, kinpy 0.6.1 and Pinocchio (pin 4.1.0) ignore the mimic tag
# unless pin is asked (mimic=True), and MuJoCo 4.0.0 makes a soft equality, so after setting qpos[0] the second finger has not moved.
# Hurt: collision checks and recorded hand poses show one open and one closed finger; state vectors differ in length by library.
# Instead: pass mimic=True to pin, set both joints in MuJoCo and kinpy, and compare the number of joints with the robot's.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pin==4.1.0 yourdfpy==0.0.60 mujoco==4.0.0 kinpy==0.6.1 numpy==2.4.6
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import kinpy
import mujoco
import numpy as np
import pinocchio
import yourdfpy

INERTIA = "<inertial><mass value='1'/><inertia ixx='1' iyy='1' izz='1' ixy='0' ixz='0' iyz='0'/></inertial>"
LIMIT = "<limit lower='0' upper='0.04' effort='1' velocity='1'/>"
text = f"""<robot name='hand'><link name='palm'>{INERTIA}</link><link name='f1'>{INERTIA}</link><link name='f2'>{INERTIA}</link>
<joint name='finger1' type='prismatic'><parent link='palm'/><child link='f1'/><axis xyz='0 1 0'/>{LIMIT}</joint>
<joint name='finger2' type='prismatic'><parent link='palm'/><child link='f2'/><axis xyz='0 -1 0'/>{LIMIT}<mimic joint='finger1'/></joint>
</robot>"""
Path("hand.urdf").write_text(text)
robot = yourdfpy.URDF.load("hand.urdf")
robot.update_cfg([0.03])
model = mujoco.MjModel.from_xml_string(text)
data = mujoco.MjData(model)
data.qpos[0] = 0.03
mujoco.mj_forward(model, data)
chain = kinpy.build_chain_from_urdf(text)
plain = pinocchio.buildModelFromXML(text)
state = plain.createData()
pinocchio.framesForwardKinematics(plain, state, np.array([0.03, 0.0]))
seen = {
    "yourdfpy": (robot.num_dofs, round(float(robot.get_transform("f2")[1, 3]), 6)),
    "mujoco": (model.nq, round(float(data.body("f2").xpos[1]), 6)),
    "kinpy": (len(chain.get_joint_parameter_names()), round(float(chain.forward_kinematics({"finger1": 0.03})["f2"].pos[1]), 6)),
    "pin": (plain.nq, round(float(state.oMf[plain.getFrameId("f2")].translation[1]), 6)),
}
print("expected: one degree of freedom; the second finger at y = -0.03 when the first is at 0.03")
for name, (freedom, y) in seen.items():
    print(f"{name} {version(name)}: {freedom} joint values, second finger at y = {y}")
known = {"yourdfpy": (1, -0.03), "mujoco": (2, 0.0), "kinpy": (2, 0.0), "pin": (2, 0.0)}
sys.exit(0 if seen == known else "the behaviour has changed")
PY
