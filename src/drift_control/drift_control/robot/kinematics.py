"""Kinematic tables of the arms, as the makers publish them, in one common form.

Every arm is a chain: frame i = frame i-1 * before[i] * Rz(q_i). Frame i turns with joint i about its z axis.
A simulator can be generated from the same numbers: body i sits at before[i] in body i-1, hinged along z.
"""

import math
from dataclasses import dataclass

import numpy as np
from drift_config.errors import ConfigError

from drift_control.robot.pose import Array


@dataclass(frozen=True)
class Capsule:
    """A body of the arm for collision checks: all points within `radius_m` of a segment.

    Frame 0 is the base, i (1..J) turns with joint i, J + 1 is the mount of the hand on the flange.
    """

    name: str
    frame: int
    start_m: tuple[float, float, float]
    end_m: tuple[float, float, float]
    radius_m: float


@dataclass(frozen=True)
class HardwareLimits:
    """What the joints of an arm are built for, (J,) each; whatever is commanded stays within it."""

    position_low_rad: tuple[float, ...]
    position_high_rad: tuple[float, ...]
    velocity_rad_s: tuple[float, ...]
    acceleration_rad_s2: tuple[float, ...]
    jerk_rad_s3: tuple[float, ...]


@dataclass(frozen=True)
class Kinematics:
    """Geometry of one arm without a hand."""

    name: str
    joint_names: tuple[str, ...]  # as in the maker's robot description
    hardware: HardwareLimits
    before: Array  # (J, 4, 4) from frame i-1 to frame i at q_i = 0
    flange: Array  # (4, 4) from the last joint's frame to the flange, z out of the arm
    capsules: tuple[Capsule, ...]  # of the arm and of the hand
    collision_pairs: tuple[tuple[str, str], ...]  # capsules that must not touch
    above_table: tuple[str, ...]  # capsules that must stay above the floor

    @property
    def n_joints(self) -> int:
        """Number of joints J."""
        return len(self.before)


def rotation_x(angle_rad: float) -> Array:
    """Return a turn about x as (4, 4)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array(((1.0, 0, 0, 0), (0, c, -s, 0), (0, s, c, 0), (0, 0, 0, 1.0)))


def rotation_z(angle_rad: float) -> Array:
    """Return a turn about z as (4, 4)."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array(((c, -s, 0, 0), (s, c, 0, 0), (0, 0, 1.0, 0), (0, 0, 0, 1.0)))


def translation(x: float, y: float, z: float) -> Array:
    """Return a shift [m] as (4, 4)."""
    transform = np.eye(4)
    transform[:3, 3] = x, y, z
    return transform


# Franka Robotics, "Robot and interface specifications", Denavit-Hartenberg parameters of the Panda (Craig's
# convention): per joint a_{i-1} [m], alpha_{i-1} [rad], d_i [m]; then the flange, 0.107 m beyond joint 7.
PANDA_MODIFIED_DH = (
    (0.0, 0.0, 0.333),
    (0.0, -math.pi / 2, 0.0),
    (0.0, math.pi / 2, 0.316),
    (0.0825, math.pi / 2, 0.0),
    (-0.0825, -math.pi / 2, 0.384),
    (0.0, math.pi / 2, 0.0),
    (0.088, math.pi / 2, 0.0),
)
PANDA_FLANGE_M = 0.107
# Ibid., "Limits in joint space".
PANDA_LIMITS = HardwareLimits(
    position_low_rad=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
    position_high_rad=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
    velocity_rad_s=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
    acceleration_rad_s2=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
    jerk_rad_s3=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
)

TURN = 2.0 * math.pi  # [rad]

# Universal Robots, "DH parameters for calculations of kinematics and dynamics", UR5e (standard convention):
# per joint a_i [m], alpha_i [rad], d_i [m].
UR5E_STANDARD_DH = (
    (0.0, math.pi / 2, 0.1625),
    (-0.425, 0.0, 0.0),
    (-0.3922, 0.0, 0.0),
    (0.0, math.pi / 2, 0.1333),
    (0.0, -math.pi / 2, 0.0997),
    (0.0, 0.0, 0.0996),
)
# Universal Robots, "UR5e technical details": working range +-360 degrees, 180 degrees/s, all joints; the
# elbow +-180, as in their ROS description: beyond that it meets the upper arm. They publish no limit of
# acceleration or jerk. 40 rad/s^2 is the most that ur_rtde, a common client of their controller, hands on;
# the jerk is the most that Franka allow in any joint of theirs, for want of a number.
UR5E_LIMITS = HardwareLimits(
    position_low_rad=(-TURN, -TURN, -TURN / 2.0, -TURN, -TURN, -TURN),
    position_high_rad=(TURN, TURN, TURN / 2.0, TURN, TURN, TURN),
    velocity_rad_s=(math.pi,) * 6,
    acceleration_rad_s2=(40.0,) * 6,
    jerk_rad_s3=(10000.0,) * 6,
)


def panda() -> Kinematics:
    """Return the Franka Emika Panda in its base frame `panda_link0` (x forward, z up)."""
    before = [rotation_x(alpha) @ translation(a, 0.0, d) for a, alpha, d in PANDA_MODIFIED_DH]
    return Kinematics(
        name="panda",
        joint_names=tuple(f"panda_joint{i}" for i in range(1, 8)),
        hardware=PANDA_LIMITS,
        before=np.array(before),
        flange=translation(0.0, 0.0, PANDA_FLANGE_M),
        # Our own coarse hull of the links, after the self-collision capsules in Franka's public description.
        capsules=(
            Capsule("base", 0, (-0.075, 0.0, 0.06), (0.0, 0.0, 0.06), 0.06),
            Capsule("shoulder", 1, (0.0, 0.0, -0.333 + 0.06), (0.0, 0.0, -0.05), 0.06),
            Capsule("upper_arm", 3, (0.0, 0.0, -0.22), (0.0, 0.0, -0.07), 0.06),
            Capsule("elbow", 4, (0.0, 0.0, -0.06), (0.0, 0.0, 0.06), 0.06),
            Capsule("forearm", 5, (0.0, 0.0, -0.31), (0.0, 0.0, -0.21), 0.06),
            Capsule("forearm_slim", 5, (0.0, 0.08, -0.20), (0.0, 0.08, -0.06), 0.03),
            Capsule("wrist", 6, (0.0, 0.0, -0.07), (0.0, 0.0, 0.01), 0.05),
            Capsule("flange", 7, (0.0, 0.0, -0.06), (0.0, 0.0, 0.08), 0.045),
            hand_palm(8),
            hand_body(8),
        ),
        collision_pairs=(
            ("base", "forearm"), ("base", "forearm_slim"), ("base", "wrist"), ("base", "flange"),
            ("base", "hand_palm"), ("base", "hand_body"),
            ("shoulder", "forearm"), ("shoulder", "forearm_slim"), ("shoulder", "wrist"),
            ("shoulder", "flange"), ("shoulder", "hand_palm"), ("shoulder", "hand_body"),
            ("upper_arm", "wrist"), ("upper_arm", "flange"), ("upper_arm", "hand_palm"),
            ("upper_arm", "hand_body"), ("forearm", "hand_palm"), ("forearm", "hand_body"),
        ),
        above_table=("elbow", "forearm", "forearm_slim", "wrist", "flange", "hand_palm"),
    )  # fmt: skip


def ur5e() -> Kinematics:
    """Return the Universal Robots UR5e in its ROS base frame `base_link` (x forward, z up).

    The DH table is given in the controller's frame `base`: `base_link` turned by half a turn about z.
    """
    after = [translation(a, 0.0, d) @ rotation_x(alpha) for a, alpha, d in UR5E_STANDARD_DH]
    return Kinematics(
        name="ur5e",
        joint_names=(
            "shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint",
            "wrist_1_joint", "wrist_2_joint", "wrist_3_joint",
        ),
        hardware=UR5E_LIMITS,
        before=np.array([rotation_z(math.pi), *after[:-1]]),
        flange=after[-1],
        # Our own coarse hull of the links; the upper arm lies beside the DH axes by the shoulder offset.
        capsules=(
            Capsule("base", 0, (0.0, 0.0, 0.02), (0.0, 0.0, 0.10), 0.075),
            Capsule("shoulder", 2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.13), 0.06),
            Capsule("upper_arm", 2, (-0.07, 0.0, 0.138), (-0.425, 0.0, 0.138), 0.058),
            Capsule("elbow", 3, (0.0, 0.0, 0.0), (0.0, 0.0, 0.13), 0.055),
            Capsule("forearm", 3, (-0.08, 0.0, 0.007), (-0.36, 0.0, 0.007), 0.045),
            Capsule("wrist", 4, (0.0, 0.0, 0.02), (0.0, 0.0, 0.1333), 0.045),
            Capsule("wrist_low", 5, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0997), 0.042),
            Capsule("flange", 6, (0.0, 0.0, 0.03), (0.0, 0.0, 0.08), 0.04),
            hand_palm(7),
            hand_body(7),
        ),
        collision_pairs=(
            ("base", "forearm"), ("base", "wrist"), ("base", "wrist_low"), ("base", "flange"),
            ("base", "hand_palm"), ("base", "hand_body"),
            ("shoulder", "wrist"), ("shoulder", "wrist_low"), ("shoulder", "flange"),
            ("shoulder", "hand_palm"), ("shoulder", "hand_body"),
            ("upper_arm", "wrist"), ("upper_arm", "wrist_low"), ("upper_arm", "flange"),
            ("upper_arm", "hand_palm"), ("upper_arm", "hand_body"),
            ("forearm", "flange"), ("forearm", "hand_palm"), ("forearm", "hand_body"),
        ),
        above_table=("elbow", "forearm", "wrist", "wrist_low", "flange", "hand_palm"),
    )  # fmt: skip


def hand_palm(frame: int) -> Capsule:
    """Return the wide part of the common parallel-jaw hand; its fingers open along y of the mount frame."""
    return Capsule("hand_palm", frame, (0.0, -0.06, 0.03), (0.0, 0.06, 0.03), 0.035)


def hand_body(frame: int) -> Capsule:
    """Return the fingers of the common parallel-jaw hand, short of their tips, which must reach the table."""
    return Capsule("hand_body", frame, (0.0, -0.03, 0.075), (0.0, 0.03, 0.075), 0.025)


KINEMATICS = {"panda": panda(), "ur5e": ur5e()}


def kinematics_of(name: str) -> Kinematics:
    """Return a kinematic table by name."""
    try:
        return KINEMATICS[name]
    except KeyError:
        raise ConfigError(f"kinematics={name!r} must be one of {sorted(KINEMATICS)}") from None
