"""The world as MJCF: table, arm, hand, box, goal, cameras and light. No shadows, no files, no meshes."""

from xml.etree.ElementTree import Element

import numpy as np
from drift_control.robot.robot import Robot

from drift_sim.arms import add_arm
from drift_sim.hand import add_gripper_drive
from drift_sim.mjcf import child, look_at, to_string
from drift_sim.scene_config import CameraPose, DiscConfig, SceneConfig, SlotConfig

TIMESTEP_S = 0.002
OBJECT_BODY = "object"
GOAL_BODY = "goal"
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


def build_mjcf(robot: Robot, scene: SceneConfig, image_size: tuple[int, int]) -> str:
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
    add_gripper_drive(tendon, equality, actuator, robot.config.gripper.force_n)
    _add_object(world, scene)
    _add_goal(world, scene)
    for name, pose in scene.cameras.items():
        _add_camera(world if pose.frame == "base" else hand, name, pose)
    return to_string(root)


def _add_classes(root: Element) -> None:
    default = child(root, "default")
    for name, attributes in _CLASSES.items():
        child(child(default, "default", class_=name), "geom", **attributes)  # type: ignore[arg-type]


def _add_object(world: Element, scene: SceneConfig) -> None:
    body = child(world, "body", name=OBJECT_BODY, pos=(0.5, 0.0, scene.rest_height_m))
    child(body, "freejoint", name="object_free")
    child(
        body,
        "geom",
        name="object",
        type="box",
        size=scene.object.half_size_m,
        mass=scene.object.mass_kg,
        rgba=scene.object.rgba,
        condim=4,
        friction=(1.0, 0.01, 0.0001),
        contype=1,
        conaffinity=1,
        group=1,
    )


def _add_goal(world: Element, scene: SceneConfig) -> None:
    """Add the goal as a mocap body: fixed while the task runs, put anywhere at a reset."""
    body = child(world, "body", name=GOAL_BODY, mocap=True)
    goal = scene.goal
    if isinstance(goal, DiscConfig):
        child(
            body,
            "geom",
            name="disc",
            type="cylinder",
            size=(goal.radius_m, 0.0005),
            pos=(0, 0, 0.0005),
            rgba=goal.rgba,
            class_="seen",
        )
        return
    half_x, half_y, _ = scene.object.half_size_m
    for name, pos, size in slot_walls(goal, half_x, half_y):
        child(body, "geom", name=name, type="box", pos=pos, size=size, rgba=goal.rgba, class_="touch")
    # The floor of the slot is painted so that the hole can be seen from above.
    child(
        body,
        "geom",
        name="slot_floor",
        type="box",
        size=(half_x + goal.clearance_m, half_y + goal.clearance_m, 0.0005),
        pos=(0, 0, 0.0005),
        rgba=(0.1, 0.1, 0.1, 1.0),
        class_="seen",
    )


def slot_walls(slot: SlotConfig, half_x: float, half_y: float) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return name, centre (3,) and half size (3,) of the walls around a box of half_x, half_y."""
    inner = np.array([half_x + slot.clearance_m, half_y + slot.clearance_m])
    t, h = slot.wall_thickness_m / 2, slot.wall_height_m / 2
    walls = []
    for axis, across in ((0, 1), (1, 0)):
        for sign in (1.0, -1.0):
            centre, size = np.zeros(3), np.zeros(3)
            centre[axis], centre[2] = sign * (inner[axis] + t), h
            size[axis], size[across], size[2] = t, inner[across] + (2 * t if axis == 0 else 0.0), h
            walls.append((f"wall_{'xy'[axis]}{'+' if sign > 0 else '-'}", centre, size))
    return walls


def _add_camera(parent: Element, name: str, pose: CameraPose) -> None:
    child(
        parent,
        "camera",
        name=name,
        pos=pose.position_m,
        xyaxes=look_at(np.array(pose.position_m), np.array(pose.look_at_m)),
        fovy=pose.fovy_deg,
    )
