"""The robot as URDF for mujoco_ros2_control: drift's own arm and hand, and the MJCF that moves them."""

from xml.etree.ElementTree import Element

import numpy as np

from drift_sim.external.urdf import add_hand, add_hardware, add_inertial, add_joint
from drift_sim.mjcf import child, to_string
from drift_sim.world import World

_FLANGE = "flange"
_PLUGIN = "mujoco_ros2_control/MujocoSystemInterface"


def build_description(world: World, mjcf_file: str) -> str:
    """Return the URDF; its links and joints are the bodies and joints of the MJCF."""
    robot, model = world.robot, world.model
    config = robot.config
    urdf = Element("robot", name=config.name)
    child(urdf, "link", name=config.base_frame)
    above = config.base_frame
    for i, name in enumerate(config.joint_names):
        body = model.body(f"{name}_link")
        add_inertial(child(urdf, "link", name=body.name), model, body.id)
        joint = add_joint(urdf, name, above, body.name, robot.arm.before[i], "revolute")
        child(joint, "axis", xyz=(0, 0, 1))
        child(
            joint,
            "limit",
            lower=config.limits.position_low_rad[i],
            upper=config.limits.position_high_rad[i],
            velocity=robot.arm.hardware.velocity_rad_s[i],
            effort=np.max(np.abs(model.actuator(name).forcerange)),
        )
        above = body.name
    child(urdf, "link", name=_FLANGE)
    add_joint(urdf, f"{_FLANGE}_mount", above, _FLANGE, robot.arm.flange)
    add_hand(urdf, _FLANGE, world)
    add_hardware(urdf, world, _PLUGIN, {"mujoco_model": mjcf_file, "headless": "true"})
    return to_string(urdf)
