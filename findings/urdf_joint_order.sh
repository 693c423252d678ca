#!/usr/bin/env bash
# One URDF with two arms, three joint orders: yourdfpy 0.0.60 and MuJoCo 4.0.0 go down each arm in the file's order, Pinocchio (pin 4.1.0)
# sorts branches by the alphabet, urchin 0.0.30 goes level by level.
# Hurt: a joint vector handed from one library to another (inverse kinematics in pin, simulation in MuJoCo) has the right
# length and moves the other arm.
# Instead: map by joint name at every border; never pass a bare vector.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet pin==4.1.0 urchin==0.0.30 yourdfpy==0.0.60 mujoco==4.0.0
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import mujoco
import pinocchio
import urchin
import yourdfpy


def link(name: str) -> str:
    return f"<link name='{name}'><inertial><mass value='1'/><inertia ixx='1' iyy='1' izz='1' ixy='0' ixz='0' iyz='0'/></inertial></link>"


def joint(name: str, parent: str, child: str) -> str:
    limit = "<axis xyz='0 0 1'/><limit lower='-1' upper='1' effort='1' velocity='1'/>"
    return f"<joint name='{name}' type='revolute'><parent link='{parent}'/><child link='{child}'/>{limit}</joint>"


arms = [link("torso")]
for side in ("right", "left"):
    arms += [link(f"{side}_upper"), link(f"{side}_lower")]
    arms += [joint(f"{side}_shoulder", "torso", f"{side}_upper"), joint(f"{side}_elbow", f"{side}_upper", f"{side}_lower")]
text = "<robot name='two_arms'>" + "".join(arms) + "</robot>"
Path("two_arms.urdf").write_text(text)
model = mujoco.MjModel.from_xml_string(text)
seen = {
    "yourdfpy": list(yourdfpy.URDF.load("two_arms.urdf").actuated_joint_names),
    "mujoco": [model.joint(i).name for i in range(model.njnt)],
    "pin": list(pinocchio.buildModelFromXML(text).names)[1:],
    "urchin": [j.name for j in urchin.URDF.load("two_arms.urdf").actuated_joints],
}
print("expected: one order, the file's")
for name, order in seen.items():
    print(f"{name} {version(name)}: {order}")
file_order = ["right_shoulder", "right_elbow", "left_shoulder", "left_elbow"]
same = seen["yourdfpy"] == seen["mujoco"] == file_order and seen["pin"] == sorted(file_order, key=lambda n: (n[:4], n[-5:] == "elbow"))
sys.exit(0 if same and seen["urchin"] == ["right_shoulder", "left_shoulder", "right_elbow", "left_elbow"] else "the behaviour has changed")
PY
