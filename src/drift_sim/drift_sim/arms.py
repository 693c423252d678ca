"""The arms as MJCF: joints where `Robot` has them, the makers' masses, plain capsules.

Every joint turns about the z axis of its body. Bodies are gravity-compensated like a real arm under its own
controller, and each joint is held by a position servo whose lag is the same everywhere, so that the TCP
follows its path with one small delay.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from drift_config.errors import ConfigError
from drift_control.robot.robot import Robot

from drift_sim.hand import add_hand
from drift_sim.mjcf import child, quaternion

SERVO_RAD_S = 100.0  # bandwidth of the joint servos; their lag is 2 / SERVO_RAD_S = 20 ms
ARMATURE = (
    0.1  # inertia of motor and gear at the joint [kg m²]; of the order that Franka publishes for the FR3
)
LIGHT = (0.72, 0.72, 0.74, 1.0)
DARK = (0.35, 0.35, 0.37, 1.0)


@dataclass(frozen=True)
class ArmModel:
    """What a kinematic table does not say; one entry per joint."""

    mass_kg: tuple[float, ...]
    centre_m: tuple[tuple[float, float, float], ...]  # centre of mass of each link
    centre_in_next: bool  # the centres are given in the frame behind the link (standard DH), not before it
    radius_m: tuple[float, ...]  # of the capsule that is drawn
    inertia_kg_m2: tuple[float, ...]  # typical inertia about the joint; sets the servo's stiffness
    torque_max_nm: tuple[float, ...]


ARMS = {
    # Masses and centres: C. Gaz et al., "Dynamic Identification of the Franka Emika Panda Robot with
    # Retrieval of Feasible Parameters", IEEE RA-L 2019, as in franka_ros' inertial.yaml.
    # Torques: Franka's data sheet.
    "panda": ArmModel(
        mass_kg=(4.970684, 0.646926, 3.228604, 3.587895, 1.225946, 1.666555, 0.735522),
        centre_m=(
            (0.003875, 0.002081, -0.04762),
            (-0.003141, -0.02872, 0.003495),
            (0.027518, 0.039252, -0.066502),
            (-0.05317, 0.104419, 0.027454),
            (-0.011953, 0.041065, -0.038437),
            (0.060149, -0.014117, -0.010517),
            (0.010517, -0.004252, 0.061597),
        ),
        centre_in_next=False,
        radius_m=(0.05, 0.05, 0.05, 0.05, 0.045, 0.04, 0.04),
        inertia_kg_m2=(1.2, 1.5, 0.8, 0.8, 0.25, 0.25, 0.15),
        torque_max_nm=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
    ),
    # Masses and centres: Universal Robots, "DH parameters for calculations of kinematics and dynamics".
    # Torques: the maker's joint_limits.yaml in ur_description.
    "ur5e": ArmModel(
        mass_kg=(3.761, 8.058, 2.846, 1.37, 1.3, 0.365),
        centre_m=(
            (0.0, -0.02561, 0.00193),
            (0.2125, 0.0, 0.11336),
            (0.15, 0.0, 0.0265),
            (0.0, -0.0018, 0.01634),
            (0.0, 0.0018, 0.01634),
            (0.0, 0.0, -0.001159),
        ),
        centre_in_next=True,
        radius_m=(0.05, 0.045, 0.04, 0.038, 0.038, 0.038),
        inertia_kg_m2=(2.0, 2.5, 1.2, 0.3, 0.2, 0.15),
        torque_max_nm=(150.0, 150.0, 150.0, 28.0, 28.0, 28.0),
    ),
}


def add_arm(world: Element, actuator: Element, robot: Robot) -> Element:
    """Append the arm with its hand to `world` and its servos to `actuator`; return the body of the hand."""
    config, kinematics = robot.config, robot.kinematics
    if kinematics.name not in ARMS:
        raise ConfigError(f"kinematics={kinematics.name!r} must be one of {', '.join(ARMS)}")
    model = ARMS[kinematics.name]
    after = [*kinematics.before[1:], kinematics.flange]  # from each joint's frame to the next one
    _draw_hull(world, robot, 0)
    parent = world
    for i, name in enumerate(config.joint_names):
        body = child(parent, "body", name=f"{name}_link", gravcomp=1, **_pose(kinematics.before[i]))
        _add_inertial(body, model, i, after[i])
        child(
            body,
            "joint",
            name=name,
            type="hinge",
            axis=(0, 0, 1),
            range=(config.limits.position_low_rad[i], config.limits.position_high_rad[i]),
            armature=ARMATURE,
        )
        end = after[i][:3, 3]
        if i + 1 < robot.n_joints:
            _draw_hull(body, robot, i + 1)
        else:  # nothing may reach beyond the flange and stand in the wrist camera's way
            end = end - model.radius_m[i] * after[i][:3, 2]
        _draw_capsule(body, np.zeros(3), end, model.radius_m[i], LIGHT)
        _add_servo(actuator, name, model, i)
        parent = body
    mount = child(parent, "body", name="mount", gravcomp=1, **_pose(robot.mount))
    return add_hand(mount, config.gripper)


def _pose(transform: np.ndarray) -> dict[str, np.ndarray]:
    return {"pos": transform[:3, 3], "quat": quaternion(transform[:3, :3])}


def _add_inertial(body: Element, model: ArmModel, i: int, after: np.ndarray) -> None:
    centre = np.array(model.centre_m[i])
    if model.centre_in_next:
        centre = after[:3, :3] @ centre + after[:3, 3]
    # Small beside mass x distance² and the armature, so a ball of the link's width does.
    own = 0.4 * model.mass_kg[i] * (1.5 * model.radius_m[i]) ** 2
    child(body, "inertial", pos=centre, mass=model.mass_kg[i], diaginertia=(own, own, own))


def _add_servo(actuator: Element, name: str, model: ArmModel, i: int) -> None:
    inertia, torque = model.inertia_kg_m2[i], model.torque_max_nm[i]
    child(
        actuator,
        "position",
        name=name,
        joint=name,
        kp=SERVO_RAD_S**2 * inertia,
        kv=2.0 * SERVO_RAD_S * inertia,
        forcerange=(-torque, torque),
    )


def _draw_hull(body: Element, robot: Robot, frame: int) -> None:
    """Draw the capsules that the guard keeps apart, so that what is seen is what is guarded."""
    for hull in robot.kinematics.capsules:
        if hull.frame == frame:
            _draw_capsule(body, np.array(hull.start_m), np.array(hull.end_m), hull.radius_m, DARK)


def _draw_capsule(
    body: Element, start: np.ndarray, end: np.ndarray, radius: float, rgba: tuple[float, ...]
) -> None:
    if np.linalg.norm(end - start) > 1e-6:
        ends = np.concatenate([start, end])
        child(body, "geom", type="capsule", fromto=ends, size=(radius,), rgba=rgba, class_="seen")
