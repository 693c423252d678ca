"""An arm as MJCF: joints where `Robot` has them, the makers' masses, plain capsules.

Every joint turns about the z axis of its body. Bodies are gravity-compensated like a real arm under its own
controller, and each joint is held by a position servo whose lag is the same everywhere, so that the TCP
follows its path with one small delay.
"""

from xml.etree.ElementTree import Element

import numpy as np
from drift_config.errors import ConfigError
from drift_control.arms.arm import Dynamics
from drift_control.robot.robot import Robot

from drift_sim.hand import add_hand
from drift_sim.mjcf import child, quaternion

SERVO_RAD_S = 100.0  # bandwidth of the joint servos; their lag is 2 / SERVO_RAD_S = 20 ms
ARMATURE = (
    0.1  # inertia of motor and gear at the joint [kg m²]; of the order that Franka publishes for the FR3
)
LIGHT = (0.72, 0.72, 0.74, 1.0)
DARK = (0.35, 0.35, 0.37, 1.0)


def add_arm(world: Element, actuator: Element, robot: Robot) -> Element:
    """Append the arm with its hand to `world` and its servos to `actuator`; return the body of the hand.

    Raises ConfigError for an arm without dynamics.
    """
    config, arm = robot.config, robot.arm
    if arm.dynamics is None:
        raise ConfigError(f"arm={arm.name!r} must have dynamics (masses, torques) to be simulated")
    dynamics = arm.dynamics
    after = [*arm.before[1:], arm.flange]  # from each joint's frame to the next one
    _draw_hull(world, robot, 0)
    parent = world
    for i, name in enumerate(config.joint_names):
        body = child(parent, "body", name=f"{name}_link", gravcomp=1, **_pose(arm.before[i]))
        _add_inertial(body, dynamics, i, after[i])
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
            end = end - dynamics.radius_m[i] * after[i][:3, 2]
        _draw_capsule(body, np.zeros(3), end, dynamics.radius_m[i], LIGHT)
        _add_servo(actuator, name, dynamics, i)
        parent = body
    mount = child(parent, "body", name="mount", gravcomp=1, **_pose(robot.mount))
    return add_hand(mount, config.gripper)


def _pose(transform: np.ndarray) -> dict[str, np.ndarray]:
    return {"pos": transform[:3, 3], "quat": quaternion(transform[:3, :3])}


def _add_inertial(body: Element, dynamics: Dynamics, i: int, after: np.ndarray) -> None:
    centre = np.array(dynamics.centre_m[i])
    turn = after[:3, :3] if dynamics.centre_in_next else np.eye(3)
    if dynamics.centre_in_next:
        centre = turn @ centre + after[:3, 3]
    if dynamics.link_inertia_kg_m2 is None:
        # Small beside mass x distance² and the armature, so a ball of the link's width does.
        own = np.eye(3) * 0.4 * dynamics.mass_kg[i] * (1.5 * dynamics.radius_m[i]) ** 2
    else:
        xx, yy, zz, xy, xz, yz = dynamics.link_inertia_kg_m2[i]
        own = turn @ np.array(((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))) @ turn.T
    six = (own[0, 0], own[1, 1], own[2, 2], own[0, 1], own[0, 2], own[1, 2])
    child(body, "inertial", pos=centre, mass=dynamics.mass_kg[i], fullinertia=six)


def _add_servo(actuator: Element, name: str, dynamics: Dynamics, i: int) -> None:
    inertia, torque = dynamics.inertia_kg_m2[i], dynamics.torque_max_nm[i]
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
    for hull in robot.arm.capsules:
        if hull.frame == frame:
            _draw_capsule(body, np.array(hull.start_m), np.array(hull.end_m), hull.radius_m, DARK)


def _draw_capsule(
    body: Element, start: np.ndarray, end: np.ndarray, radius: float, rgba: tuple[float, ...]
) -> None:
    if np.linalg.norm(end - start) > 1e-6:
        ends = np.concatenate([start, end])
        child(body, "geom", type="capsule", fromto=ends, size=(radius,), rgba=rgba, class_="seen")
