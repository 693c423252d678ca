#!/usr/bin/env bash
# trimesh 5.2.0, yourdfpy 0.0.60 and pin 4.1.0 (pinocchio, coal): the <unit> and <up_axis> of a COLLADA mesh are not applied. A link drawn
# in millimetres with y up comes a thousand times too large and lying on its side; viewers that follow the format show it right.
# Hurt: collision checks and masks with such a mesh: everything collides with everything, or, with <up_axis> alone, the arm is
# where it is not and free where it is.
# Instead: export meshes in metres and Z_UP, or compare the extents of every mesh with the link's length before planning.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet trimesh==5.2.0 yourdfpy==0.0.60 pin==4.1.0 pycollada==0.9.3
env -i PATH="$PATH" HOME="$dir" venv/bin/python - <<'PY'
import sys
from importlib.metadata import version

import collada
import numpy as np
import pinocchio
import trimesh
import yourdfpy

drawing = collada.Collada()  # a tetrahedron of 100 x 300 x 200 mm, 300 mm high: y is up
drawing.assetInfo.upaxis, drawing.assetInfo.unitname, drawing.assetInfo.unitmeter = collada.asset.UP_AXIS.Y_UP, "millimeter", 0.001
corners = np.array([0, 0, 0, 100, 0, 0, 0, 300, 0, 0, 0, 200], float)
shape = collada.geometry.Geometry(drawing, "shape", "shape", [collada.source.FloatSource("corners", corners, ("X", "Y", "Z"))])
inputs = collada.source.InputList()
inputs.addInput(0, "VERTEX", "#corners")
shape.primitives.append(shape.createTriangleSet(np.array([0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3]), inputs, "none"))
drawing.geometries.append(shape)
node = collada.scene.Node("node", children=[collada.scene.GeometryNode(shape, [])])
drawing.scene = collada.scene.Scene("scene", [node])
drawing.scenes.append(drawing.scene)
drawing.write("link.dae")
mesh = '<geometry><mesh filename="link.dae"/></geometry>'
with open("robot.urdf", "w") as file:
    file.write(f'<robot name="robot"><link name="link"><visual>{mesh}</visual><collision>{mesh}</collision></link></robot>')

robot = yourdfpy.URDF.load("robot.urdf", load_collision_meshes=True, build_collision_scene_graph=True)
_, collisions, _ = pinocchio.buildModelsFromUrdf("robot.urdf", ".")
hull = collisions.geometryObjects[0].geometry
hull.computeLocalAABB()
extents = {
    "trimesh": trimesh.load("link.dae", force="mesh").extents,
    "yourdfpy": robot.collision_scene.extents,
    "pinocchio": hull.aabb_local.max_ - hull.aabb_local.min_,
}
print(*(f"{name} {version(name)}" for name in ("trimesh", "yourdfpy", "pin")))
print("expected: x, y, z = 0.1, 0.2, 0.3 m (turned so that z is up)")
print("seen:", {name: np.round(value, 3).tolist() for name, value in extents.items()})
same = all(np.allclose(value, [100, 300, 200]) for value in extents.values())
sys.exit(0 if same else "the behaviour has changed")
PY
