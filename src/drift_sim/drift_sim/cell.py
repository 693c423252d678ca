"""The cell as MJCF: table, arm, hand, the things of the scene, cameras, light. No shadows, files, meshes."""

from xml.etree.ElementTree import Element

import numpy as np
from drift_control.robot.robot import Robot

from drift_sim.arm import add_arm
from drift_sim.hand import add_gripper_drive
from drift_sim.mjcf import child, look_at, to_string
from drift_sim.scenes.scene import ArmScene, CameraPose

TIMESTEP_S = 0.002
TABLE = (0.62, 0.62, 0.62, 1.0)
# Bits of contype/conaffinity: what the hand and the box touch is decided here, arm links touch nothing.
_CLASSES: dict[str, dict[str, object]] = {
    "seen": {"contype": 0, "conaffinity": 0, "group": 1},
    "touch": {"contype": 1, "conaffinity": 1, "group": 1, "friction": (0.8, 0.005, 0.0001)},
    "pad": {
        "contype": 1,
        "conaffinity": 1,
        "group": 1,
        "condim": 4,
        "friction": (1.5, 0.02, 0.0001),
        "solref": (0.005, 1),
        "solimp": (0.95, 0.99, 0.0005),
    },
}


def build_mjcf(robot: Robot, scene: ArmScene, image_size: tuple[int, int]) -> str:
    """Return the MJCF of `robot` in `scene`; `image_size` is the largest (height, width) rendered."""
    root = Element("mujoco", model=f"{robot.config.name}_on_a_table")
    child(root, "compiler", angle="radian", autolimits=True)
    child(root, "option", timestep=TIMESTEP_S, integrator="implicitfast", cone="elliptic", impratio=10)
    visual = child(root, "visual")
    child(visual, "global", offheight=image_size[0], offwidth=image_size[1])
    child(visual, "quality", shadowsize=0, offsamples=4)
    child(visual, "headlight", ambient=(0.45, 0.45, 0.45), diffuse=(0.35, 0.35, 0.35), specular=(0, 0, 0))
    child(visual, "map", znear=0.01, zfar=10)
    _add_classes(root)
    world = child(root, "worldbody")
    tendon = child(root, "tendon")
    equality = child(root, "equality")
    actuator = child(root, "actuator")
    child(
        world,
        "light",
        pos=(0.5, 0.0, 2.0),
        dir=(0, 0, -1),
        directional=True,
        castshadow=False,
        diffuse=(0.4, 0.4, 0.4),
        specular=(0, 0, 0),
    )
    child(
        world,
        "geom",
        name="table",
        type="box",
        size=(0.6, 0.7, 0.02),
        pos=(0.45, 0.0, -0.02),
        rgba=TABLE,
        class_="touch",
    )
    hand = add_arm(world, actuator, robot)
    if robot.config.gripper.joints:
        add_gripper_drive(tendon, equality, actuator, robot.config.gripper.force_n)
    scene.build(world)
    for name, pose in scene.cameras.items():
        _add_camera(world if pose.frame == "base" else hand, name, pose)
    return to_string(root)


def _add_classes(root: Element) -> None:
    default = child(root, "default")
    for name, attributes in _CLASSES.items():
        child(child(default, "default", class_=name), "geom", **attributes)  # type: ignore[arg-type]


def _add_camera(parent: Element, name: str, pose: CameraPose) -> None:
    child(
        parent,
        "camera",
        name=name,
        pos=pose.position_m,
        xyaxes=look_at(np.array(pose.position_m), np.array(pose.look_at_m)),
        fovy=pose.fovy_deg,
    )
