"""Parts of the robot as URDF, from the compiled model: hand, joints, masses, interfaces of ros2_control."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

import numpy as np
from drift_control.arms.transforms import translation

from drift_sim.external.elements import leaf, origin, rotation_of, urdf_geometry
from drift_sim.headless import mujoco
from drift_sim.mjcf import child, text
from drift_sim.world import World

HAND = "hand"  # the body of drift_sim/hand.py
_FLANGE = "flange"
_BALL = mujoco.mjtGeom.mjGEOM_SPHERE
_LINK_MASS_MIN_KG = 1e-3  # Gazebo drops a link without a mass


def add_arm(urdf: Element, world: World) -> str:
    """Append drift's own arm, with the links and joints of the MJCF, to be seen; return its flange's link."""
    robot, model, config = world.robot, world.model, world.robot.config
    above = config.base_frame
    _draw(child(urdf, "link", name=above), model, 0)
    for i, name in enumerate(config.joint_names):
        body = model.body(f"{name}_link")
        link = child(urdf, "link", name=body.name)
        add_inertial(link, model, body.id)
        _draw(link, model, body.id)
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
    return _FLANGE


def _draw(link: Element, model: mujoco.MjModel, body: int) -> None:
    """Append the capsules of a body to be seen; URDF has none: a cylinder, and a ball at each end."""
    first = int(model.body_geomadr[body])
    for at in range(first, first + int(model.body_geomnum[body])):
        if model.geom_type[at] != mujoco.mjtGeom.mjGEOM_CAPSULE:
            continue
        (radius, half_m, _), turn = model.geom_size[at], rotation_of(model.geom_quat[at])
        ends = (model.geom_pos[at] + side * half_m * turn[:, 2] for side in (-1.0, 1.0))
        shapes = [(mujoco.mjtGeom.mjGEOM_CYLINDER, model.geom_pos[at]), *((_BALL, end) for end in ends)]
        for kind, place in shapes:
            visual = child(link, "visual")
            origin(visual, place, turn)
            urdf_geometry(visual, kind, np.array((radius, half_m, 0.0)))
            paint = child(visual, "material", name=f"paint_{at}")
            child(paint, "color", rgba=model.geom_rgba[at])


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
