"""Universal Robots UR5e in its ROS base frame `base_link` (x forward, z up)."""

import math

from drift_control.arms.arm import Capsule, Dynamics
from drift_control.arms.universal_robots import universal_robot

UR5E = universal_robot(
    name="ur5e",
    # Universal Robots, "DH parameters for calculations of kinematics and dynamics", standard convention:
    # per joint a_i [m], alpha_i [rad], d_i [m].
    standard_dh=(
        (0.0, math.pi / 2, 0.1625),
        (-0.425, 0.0, 0.0),
        (-0.3922, 0.0, 0.0),
        (0.0, math.pi / 2, 0.1333),
        (0.0, -math.pi / 2, 0.0997),
        (0.0, 0.0, 0.0996),
    ),
    velocity_rad_s=(math.pi,) * 6,  # 180 degrees/s: "UR5e technical details"
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
    ),
    # Masses and centres: as the DH table. Torques: the maker's joint_limits.yaml in ur_description.
    # Radii and inertias about the joints: our own.
    dynamics=Dynamics(
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
)
