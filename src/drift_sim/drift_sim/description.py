"""The simulated cell's robot as URDF, for RViz, Foxglove and whoever else asks for `robot_description`."""

from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.external.elements import rotation_of
from drift_sim.external.urdf import HAND, add_arm, add_hand, add_joint
from drift_sim.mjcf import child, to_string
from drift_sim.world import World


def optical_frame(camera: str) -> str:
    """Return the frame in which a camera of the simulation sees: x right, y down, z forward."""
    return f"{camera}_optical_frame"


def describe(world: World) -> str:
    """Return arm, hand, the frame of the TCP and of each camera; the names are those of `joint_states`."""
    config, model = world.robot.config, world.model
    urdf = Element("robot", name=config.name)
    add_hand(urdf, add_arm(urdf, world), world)
    for camera in world.task.cameras:
        at = model.camera(camera.name).id
        place = np.eye(4)
        place[:3, 3] = model.cam_pos[at]
        place[:3, :3] = rotation_of(model.cam_quat[at]) * (1.0, -1.0, -1.0)  # MuJoCo looks along -z, y up
        carrier = config.base_frame if world.scene.cameras[camera.name].frame == "base" else HAND
        child(urdf, "link", name=optical_frame(camera.name))
        add_joint(urdf, f"{camera.name}_mount", carrier, optical_frame(camera.name), place)
    return to_string(urdf)
