"""What the arms of Universal Robots have in common: joints, convention of their DH tables, what may collide.

A DH table is given in the controller's frame `base`; the ROS base frame `base_link` (x forward, z up) is
turned against it by half a turn about z.
"""

import math

import numpy as np

from drift_control.arms.arm import Arm, Capsule, Dynamics, HardwareLimits
from drift_control.arms.transforms import rotation_z
from drift_control.arms.transforms import standard_dh as joint_transforms

TURN = 2.0 * math.pi  # [rad]
JOINT_NAMES = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
# Of the capsules base, shoulder, upper_arm, elbow, forearm, wrist, wrist_low, flange and of the hand's.
COLLISION_PAIRS = (
    ("base", "forearm"), ("base", "wrist"), ("base", "wrist_low"), ("base", "flange"),
    ("base", "hand_palm"), ("base", "hand_body"),
    ("shoulder", "wrist"), ("shoulder", "wrist_low"), ("shoulder", "flange"),
    ("shoulder", "hand_palm"), ("shoulder", "hand_body"),
    ("upper_arm", "wrist"), ("upper_arm", "wrist_low"), ("upper_arm", "flange"),
    ("upper_arm", "hand_palm"), ("upper_arm", "hand_body"),
    ("forearm", "flange"), ("forearm", "hand_palm"), ("forearm", "hand_body"),
)  # fmt: skip
ABOVE_TABLE = ("elbow", "forearm", "wrist", "wrist_low", "flange", "hand_palm")


def universal_robot(
    name: str,
    standard_dh: tuple[tuple[float, float, float], ...],
    velocity_rad_s: tuple[float, ...],
    capsules: tuple[Capsule, ...],
    dynamics: Dynamics,
) -> Arm:
    """Return an arm in its ROS base frame `base_link`.

    `standard_dh`: per joint a_i [m], alpha_i [rad], d_i [m]. `velocity_rad_s`: the most of each joint (6,).
    """
    behind = joint_transforms(standard_dh)
    return Arm(
        name=name,
        joint_names=JOINT_NAMES,
        # Working range +-360 degrees, all joints ("technical details" of each arm); the elbow +-180, as in
        # the maker's ROS description: beyond that it meets the upper arm. Universal Robots publish no limit
        # of acceleration or jerk. 40 rad/s^2 is the most that ur_rtde, a common client of their controller,
        # hands on; the jerk is the most that Franka allow in any joint of theirs, for want of a number.
        hardware=HardwareLimits(
            position_low_rad=(-TURN, -TURN, -TURN / 2.0, -TURN, -TURN, -TURN),
            position_high_rad=(TURN, TURN, TURN / 2.0, TURN, TURN, TURN),
            velocity_rad_s=velocity_rad_s,
            acceleration_rad_s2=(40.0,) * 6,
            jerk_rad_s3=(10000.0,) * 6,
        ),
        before=np.array([rotation_z(math.pi), *behind[:-1]]),
        flange=behind[-1],
        capsules=capsules,
        collision_pairs=COLLISION_PAIRS,
        above_table=ABOVE_TABLE,
        dynamics=dynamics,
    )
