"""A stand-in for a maker's description: drift's arm as URDF, with the maker's names of joints and flange."""

from xml.etree.ElementTree import Element

from drift_control.robot.robot import Robot
from drift_sim.external.urdf import add_joint
from drift_sim.mjcf import child, to_string


def makers_urdf(robot: Robot, flange: str) -> str:
    """Return the URDF, its root without a link `world`, and a ros2_control of the maker's own in it."""
    urdf = Element("robot", name=robot.arm.name)
    _link(urdf, "base_link")
    above = "base_link"
    for name, before in zip(robot.config.joint_names, robot.arm.before, strict=True):
        _link(urdf, f"{name}_of_maker")
        joint = add_joint(urdf, name, above, f"{name}_of_maker", before, "revolute")
        child(joint, "axis", xyz=(0, 0, 1))
        child(joint, "limit", lower=-3.1, upper=3.1, effort=100.0, velocity=3.0)
        above = f"{name}_of_maker"
    child(urdf, "link", name=flange)
    add_joint(urdf, "to_flange", above, flange, robot.arm.flange)
    child(urdf, "ros2_control", name="of_the_maker", type="system")
    return to_string(urdf)


def _link(urdf: Element, name: str) -> None:
    inertial = child(child(urdf, "link", name=name), "inertial")
    child(inertial, "mass", value=1.0)
    child(inertial, "inertia", ixx=0.01, ixy=0.0, ixz=0.0, iyy=0.01, iyz=0.0, izz=0.01)
