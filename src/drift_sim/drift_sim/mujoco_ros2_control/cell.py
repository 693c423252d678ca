"""The cell as mujoco_ros2_control wants it: a servo for each joint, and things that can be put."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.cell import build_mjcf
from drift_sim.hand import FINGER_JOINTS, GRIP_KP_N_M, GRIP_KV_NS_M
from drift_sim.mjcf import child, quaternion, text, to_string
from drift_sim.world import World

_STILL_KG = 1000.0  # a thing that must not move though it may: MuJoCo's own mocap cannot be put from outside


def build_cell(world: World) -> str:
    """Return the MJCF of `world`'s cell, its things where they are now."""
    task = world.task
    root = ElementTree.fromstring(build_mjcf(world.robot, world.scene, (1, 1)))
    worldbody = _one(root, "worldbody")
    _one(root, "visual").remove(_one(root, "visual/global"))  # the pictures are as large as the cameras say
    for camera in task.cameras:
        element = _one(root, f".//camera[@name='{camera.name}']")
        element.set("resolution", f"{camera.width} {camera.height}")
    if world.robot.config.gripper.joints:
        _drive_each_finger(_one(root, "actuator"), world.robot.config.gripper.force_n)
    contact = child(root, "contact")
    for body in sorted(world.scene.bodies()):
        name = world.model.body(body).name
        element = _one(worldbody, f"body[@name='{name}']")
        element.set("pos", text(world.data.xpos[body]))
        element.set("quat", text(quaternion(world.data.xmat[body].reshape(3, 3))))
        if element.attrib.pop("mocap", None) is not None:
            _let_stand(element, contact, name)
    return to_string(root)


def _drive_each_finger(actuator: Element, force_n: float) -> None:
    """Two servos by the names of the joints for the one of their opening; each as stiff and as strong."""
    actuator.remove(_one(actuator, "*[@name='gripper']"))
    for joint in FINGER_JOINTS:
        child(
            actuator,
            "position",
            name=joint,
            joint=joint,
            kp=2.0 * GRIP_KP_N_M,  # a finger opens by half
            kv=2.0 * GRIP_KV_NS_M,
            forcerange=(-force_n, force_n),
        )


def _let_stand(body: Element, contact: Element, name: str) -> None:
    """Make a mocap body one that is free, weighs a ton, does not fall and does not touch the table."""
    body.set("gravcomp", "1")
    body.insert(0, Element("freejoint", name=f"{name}_free"))
    inertia = np.full(3, _STILL_KG)
    child(body, "inertial", pos=(0, 0, 0), mass=_STILL_KG, diaginertia=inertia)
    child(contact, "exclude", body1=name, body2="world")


def _one(element: Element, path: str) -> Element:
    found = element.find(path)
    if found is None:
        raise ValueError(f"the cell has no {path}")
    return found
