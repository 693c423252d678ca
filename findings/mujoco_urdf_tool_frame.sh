#!/usr/bin/env bash
# mujoco 4.0.0: a URDF's links behind fixed joints are no bodies of the model (they are merged into their parents, the root into the world),
# a link without mass, geometry or children like `tool0` leaves nothing at all; mj_name2id then answers -1, and data.xpos[-1] is the last body.
# Hurt: whoever takes the tool's pose by its name: the wrist's comes instead, here half a metre off, without an error.
# Instead: <mujoco><compiler fusestatic="false"/></mujoco> in the URDF, and data.body("tool0"), which raises.
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

LINK = """<link name="{0}"><inertial><origin xyz="0.25 0 0"/><mass value="1"/>
<inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>"""
JOINT = """<joint name="{0}" type="revolute"><parent link="{1}"/><child link="{2}"/><origin xyz="{3} 0 0"/><axis xyz="0 0 1"/>
<limit lower="-3" upper="3" effort="10" velocity="1"/></joint>"""
ARM = f"""<robot name="arm">{{0}}<link name="base"/>{LINK.format("upper")}{LINK.format("fore")}<link name="tool0"/>
{JOINT.format("shoulder", "base", "upper", 0)}{JOINT.format("elbow", "upper", "fore", 1)}
<joint name="flange" type="fixed"><parent link="fore"/><child link="tool0"/><origin xyz="0.5 0 0"/></joint></robot>"""


def looked_up(extra):
    model = mujoco.MjModel.from_xml_string(ARM.format(extra))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "tool0")
    return [model.body(i).name for i in range(model.nbody)], index, data.xpos[index].copy()


names, index, position = looked_up("")
kept, kept_index, kept_position = looked_up('<mujoco><compiler fusestatic="false"/></mujoco>')
print("mujoco", mujoco.__version__, "two links of 1.0 m and 0.5 m, stretched along x")
print("expected: tool0 at [1.5, 0, 0]")
print(f"seen: bodies {names}, id of tool0 {index}, xpos[{index}] = {position.tolist()}")
print(f"seen with fusestatic=false: bodies {kept}, id {kept_index}, {kept_position.tolist()}")
same = index == -1 and np.allclose(position, [1, 0, 0]) and kept_index > 0 and np.allclose(kept_position, [1.5, 0, 0])
sys.exit(0 if same else "the behaviour has changed")
PY
