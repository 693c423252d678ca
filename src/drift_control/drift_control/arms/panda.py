"""Franka Emika Panda in its base frame `panda_link0` (x forward, z up)."""

import math

from drift_control.arms.arm import Arm, Capsule, Dynamics, HardwareLimits
from drift_control.arms.transforms import modified_dh, translation

# Franka Robotics, "Robot and interface specifications", Denavit-Hartenberg parameters of the Panda (Craig's
# convention): per joint a_{i-1} [m], alpha_{i-1} [rad], d_i [m]; then the flange, 0.107 m beyond joint 7.
MODIFIED_DH = (
    (0.0, 0.0, 0.333),
    (0.0, -math.pi / 2, 0.0),
    (0.0, math.pi / 2, 0.316),
    (0.0825, math.pi / 2, 0.0),
    (-0.0825, -math.pi / 2, 0.384),
    (0.0, math.pi / 2, 0.0),
    (0.088, math.pi / 2, 0.0),
)
FLANGE_M = 0.107

PANDA = Arm(
    name="panda",
    joint_names=tuple(f"panda_joint{i}" for i in range(1, 8)),
    # Ibid., "Limits in joint space".
    hardware=HardwareLimits(
        position_low_rad=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
        position_high_rad=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
        velocity_rad_s=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
        acceleration_rad_s2=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
        jerk_rad_s3=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
    ),
    before=modified_dh(MODIFIED_DH),
    flange=translation(0.0, 0.0, FLANGE_M),
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
    # Masses and centres: C. Gaz et al., "Dynamic Identification of the Franka Emika Panda Robot with
    # Retrieval of Feasible Parameters", IEEE RA-L 2019, as in franka_ros' inertial.yaml.
    # Torques: Franka's data sheet. Radii and inertias about the joints: our own.
    dynamics=Dynamics(
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
)  # fmt: skip
