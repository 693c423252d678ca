"""The robot as URDF for Gazebo: the maker's arm, our hand with its cameras, and gz_ros2_control."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from drift_config.errors import ConfigError
from drift_control.robot.robot import Robot

from drift_sim.external.elements import leaf, rotation_of
from drift_sim.external.urdf import HAND, add_hand, add_hardware, add_joint
from drift_sim.gazebo.cameras import add_camera
from drift_sim.mjcf import child, to_string
from drift_sim.world import World

_JOINT_STATES = "joint_states"  # of the broadcaster
_WORLD = "world"  # the link by which Gazebo bolts a robot down


def build_description(
    makers: str, flange: str, world: World, controllers_file: str, namespace: str, camera_rate_hz: float
) -> str:
    """Return the URDF of `world`'s robot on the maker's URDF `makers`, whose link `flange` carries the hand.

    ConfigError where that does not have the joints and the link.
    """
    robot = world.robot
    urdf = ElementTree.fromstring(makers)
    _check(urdf, robot, flange)
    for hardware in urdf.findall("ros2_control"):  # the maker's own, for the arm itself
        urdf.remove(hardware)
    _bolt_down(urdf)
    add_hand(urdf, flange, world)
    _add_cameras(urdf, world, camera_rate_hz)
    add_hardware(urdf, world, "gz_ros2_control/GazeboSimSystem")
    plugin = child(
        child(urdf, "gazebo"),
        "plugin",
        filename="gz_ros2_control-system",
        name="gz_ros2_control::GazeboSimROS2ControlPlugin",
    )
    leaf(plugin, "parameters", controllers_file)
    ros = child(plugin, "ros")
    leaf(ros, "namespace", namespace)
    joint_states, *_ = robot.config.joint_state_topics
    if joint_states != _JOINT_STATES:
        leaf(ros, "remapping", f"{_JOINT_STATES}:={joint_states}")
    return to_string(urdf)


def _check(urdf: Element, robot: Robot, flange: str) -> None:
    joints = {joint.get("name") for joint in urdf.findall("joint")}
    links = {link.get("name") for link in urdf.findall("link")}
    missing = [name for name in robot.config.joint_names if name not in joints]
    if missing or flange not in links:
        raise ConfigError(
            f"the maker's description of robot={robot.name} must have the joints "
            f"{', '.join(robot.config.joint_names)} and the link {flange}; "
            f"it lacks {', '.join([*missing, *([] if flange in links else [flange])])}"
        )


def _bolt_down(urdf: Element) -> None:
    """Fix the root to a link `world`, where the maker has not."""
    links = [str(link.get("name")) for link in urdf.findall("link")]
    if _WORLD in links:
        return
    carried = {element.get("link") for element in urdf.findall("joint/child")}
    (root,) = (name for name in links if name not in carried)
    child(urdf, "link", name=_WORLD)
    add_joint(urdf, "bolts", _WORLD, root, np.eye(4))


def _add_cameras(urdf: Element, world: World, rate_hz: float) -> None:
    for camera in world.task.cameras:
        if world.scene.cameras[camera.name].frame == "hand":
            at = world.model.camera(camera.name).id
            place = world.model.cam_pos[at], rotation_of(world.model.cam_quat[at])
            add_camera(child(urdf, "gazebo", reference=HAND), camera, world.model, rate_hz, place)
