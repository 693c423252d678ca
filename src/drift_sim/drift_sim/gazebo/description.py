"""The robot as URDF for Gazebo: the maker's arm, our hand with its cameras, and gz_ros2_control."""

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from drift_config.errors import ConfigError
from drift_control.arms.transforms import translation
from drift_control.robot.robot import Robot

from drift_sim.gazebo.cameras import add_camera
from drift_sim.gazebo.elements import leaf, origin, rotation_of, urdf_geometry
from drift_sim.headless import mujoco
from drift_sim.mjcf import child, text, to_string
from drift_sim.world import World

HAND = "hand"  # the body of drift_sim/hand.py
_JOINT_STATES = "joint_states"  # of the broadcaster
_WORLD = "world"  # the link by which Gazebo bolts a robot down
_LINK_MASS_MIN_KG = 1e-3  # Gazebo drops a link without a mass


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


def add_hand(urdf: Element, flange: str, world: World) -> None:
    """Mount the hand, its fingers and the frame of the TCP on the link `flange`."""
    robot = world.robot
    add_joint(urdf, f"{HAND}_mount", flange, HAND, np.linalg.inv(robot.arm.flange) @ robot.mount)
    _add_body(urdf, world, world.model.body(HAND).id)
    child(urdf, "link", name=robot.config.tip_frame)
    tip = translation(0.0, 0.0, robot.config.gripper.tcp_offset_m)
    add_joint(urdf, f"{HAND}_tip", HAND, robot.config.tip_frame, tip)


def add_hardware(
    urdf: Element, world: World, plugin: str, parameters: Mapping[str, str] | None = None
) -> None:
    """Append ros2_control's position interfaces of arm and fingers; they start where the cell starts."""
    system = child(urdf, "ros2_control", name="cell", type="system")
    hardware = child(system, "hardware")
    leaf(hardware, "plugin", plugin)
    for name, value in (parameters or {}).items():
        leaf(hardware, "param", value, name=name)
    config = world.robot.config
    starts = [*world.joint_positions(), *world.finger_positions()]
    for name, start in zip([*config.joint_names, *config.gripper.joints], starts, strict=True):
        joint = child(system, "joint", name=name)
        child(joint, "command_interface", name="position")
        state = child(joint, "state_interface", name="position")
        leaf(state, "param", text(float(start)), name="initial_value")
        child(joint, "state_interface", name="velocity")


def add_joint(
    urdf: Element, name: str, parent: str, carried: str, place: np.ndarray, kind: str = "fixed"
) -> Element:
    """Append a joint from link to link; `place` (4, 4): of the carried link in its parent."""
    joint = child(urdf, "joint", name=name, type=kind)
    origin(joint, place[:3, 3], place[:3, :3])
    child(joint, "parent", link=parent)
    child(joint, "child", link=carried)
    return joint


def add_inertial(link: Element, model: mujoco.MjModel, body: int) -> None:
    """Append mass and inertia of a body."""
    inertial = child(link, "inertial")
    origin(inertial, model.body_ipos[body], rotation_of(model.body_iquat[body]))
    child(inertial, "mass", value=model.body_mass[body])
    xx, yy, zz = model.body_inertia[body]
    child(inertial, "inertia", ixx=xx, ixy=0.0, ixz=0.0, iyy=yy, iyz=0.0, izz=zz)


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


def _add_body(urdf: Element, world: World, body: int) -> None:
    """A body of the hand as a link, and all that it carries, each on its slide."""
    model, name = world.model, world.model.body(body).name
    link = child(urdf, "link", name=name)
    if model.body_mass[body] > _LINK_MASS_MIN_KG:
        add_inertial(link, model, body)
    first = int(model.body_geomadr[body])
    for at in range(first, first + int(model.body_geomnum[body])):
        for kind in ["visual"] if model.geom_contype[at] == 0 else ["visual", "collision"]:
            # a collision with a name of its own would lose its friction in sdformat
            named = {"name": f"{model.geom(at).name}_visual"} if kind == "visual" else {}
            element = child(link, kind, **named)
            origin(element, model.geom_pos[at], rotation_of(model.geom_quat[at]))
            urdf_geometry(element, model.geom_type[at], model.geom_size[at])
            if kind == "visual":
                material = child(element, "material", name=f"{model.geom(at).name}_paint")
                child(material, "color", rgba=model.geom_rgba[at])
            else:
                surface = child(urdf, "gazebo", reference=name)
                for direction in ("mu1", "mu2"):
                    leaf(surface, direction, model.geom_friction[at, 0])
    for carried in np.flatnonzero(model.body_parentid == body):
        _add_slide(urdf, world, name, int(carried))
        _add_body(urdf, world, int(carried))


def _add_slide(urdf: Element, world: World, parent: str, body: int) -> None:
    model, gripper = world.model, world.robot.config.gripper
    at = int(model.body_jntadr[body])
    place = np.eye(4)
    place[:3, 3], place[:3, :3] = model.body_pos[body], rotation_of(model.body_quat[body])
    joint = add_joint(urdf, model.joint(at).name, parent, model.body(body).name, place, "prismatic")
    child(joint, "axis", xyz=model.jnt_axis[at])
    low, high = model.jnt_range[at]
    child(joint, "limit", lower=low, upper=high, effort=gripper.force_n, velocity=gripper.speed_m_s)
    child(joint, "dynamics", damping=model.dof_damping[model.jnt_dofadr[at]], friction=0.0)


def _add_cameras(urdf: Element, world: World, rate_hz: float) -> None:
    for camera in world.task.cameras:
        if world.scene.cameras[camera.name].frame == "hand":
            at = world.model.camera(camera.name).id
            place = world.model.cam_pos[at], rotation_of(world.model.cam_quat[at])
            add_camera(child(urdf, "gazebo", reference=HAND), camera, world.model, rate_hz, place)
