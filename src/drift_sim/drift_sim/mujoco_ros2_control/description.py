"""The robot as URDF for mujoco_ros2_control: drift's own arm and hand, and the MJCF that moves them."""

from xml.etree.ElementTree import Element

from drift_sim.external.urdf import add_arm, add_hand, add_hardware
from drift_sim.mjcf import to_string
from drift_sim.world import World

_PLUGIN = "mujoco_ros2_control/MujocoSystemInterface"


def build_description(world: World, mjcf_file: str) -> str:
    """Return the URDF; its links and joints are the bodies and joints of the MJCF."""
    urdf = Element("robot", name=world.robot.config.name)
    add_hand(urdf, add_arm(urdf, world), world)
    add_hardware(urdf, world, _PLUGIN, {"mujoco_model": mjcf_file, "headless": "true"})
    return to_string(urdf)
