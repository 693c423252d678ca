"""Universal Robots UR16e in its ROS base frame `base_link` (x forward, z up).

Files named below: folder config/ur16e of the maker's ROS description, as of commit 2221ec0f720f (2024-10-14)
of github.com/UniversalRobots/Universal_Robots_ROS2_Description.
"""

import math

from drift_control.arms.arm import Capsule, Dynamics
from drift_control.arms.universal_robots import universal_robot

UR16E = universal_robot(
    name="ur16e",
    # Universal Robots, "DH parameters for calculations of kinematics and dynamics", standard convention:
    # per joint a_i [m], alpha_i [rad], d_i [m]; the same lengths as default_kinematics.yaml.
    standard_dh=(
        (0.0, math.pi / 2, 0.1807),
        (-0.4784, 0.0, 0.0),
        (-0.36, 0.0, 0.0),
        (0.0, math.pi / 2, 0.17415),
        (0.0, -math.pi / 2, 0.11985),
        (0.0, 0.0, 0.11655),
    ),
    velocity_rad_s=(math.pi * 2 / 3,) * 2 + (math.pi,) * 4,  # joint_limits.yaml
    # Our own coarse hull, sized after the collision meshes of the ROS description; upper arm and forearm lie
    # beside the DH axes by 0.176 and 0.040 m, as physical_parameters.yaml says.
    capsules=(
        Capsule("base", 0, (0.0, 0.0, 0.02), (0.0, 0.0, 0.08), 0.095),
        Capsule("shoulder", 2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.17), 0.076),
        Capsule("upper_arm", 2, (-0.08, 0.0, 0.176), (-0.4784, 0.0, 0.176), 0.072),
        Capsule("elbow", 3, (0.0, 0.0, 0.03), (0.0, 0.0, 0.18), 0.06),
        Capsule("forearm", 3, (-0.08, 0.0, 0.040), (-0.33, 0.0, 0.040), 0.056),
        Capsule("wrist", 4, (0.0, 0.0, 0.02), (0.0, 0.0, 0.17415), 0.05),
        Capsule("wrist_low", 5, (0.0, 0.0, 0.0), (0.0, 0.0, 0.11985), 0.05),
        Capsule("flange", 6, (0.0, 0.0, 0.035), (0.0, 0.0, 0.095), 0.046),
    ),
    # Masses, centres and inertias of the links: physical_parameters.yaml, turned into the DH table's frames.
    # Torques: joint_limits.yaml. Radii: our own. Inertias about the joints: mean of the simulation's mass
    # matrix over 300 random poses, rounded up.
    dynamics=Dynamics(
        mass_kg=(7.369, 10.45, 4.321, 2.18, 2.033, 0.907),
        centre_m=(
            (0.0, -0.016, 0.030),
            (0.302, 0.0, 0.16),
            (0.194, 0.0, 0.065),
            (0.0, -0.009, 0.011),
            (0.0, 0.018, 0.012),
            (0.0, 0.0, -0.044),
        ),
        centre_in_next=True,
        radius_m=(0.065, 0.055, 0.045, 0.045, 0.045, 0.042),
        inertia_kg_m2=(3.5, 5.0, 1.5, 0.35, 0.25, 0.15),
        torque_max_nm=(330.0, 330.0, 150.0, 54.0, 54.0, 54.0),
        link_inertia_kg_m2=(
            (0.03351, 0.03374, 0.02100, 0.00002, -0.00001, 0.00374),
            (0.02796, 0.47558, 0.47635, -0.00010, -0.00720, 0.00003),
            (0.01091, 0.12060, 0.11714, 0.00006, 0.01012, 0.00001),
            (0.00609, 0.00245, 0.00579, -0.00001, 0.0, 0.00083),
            (0.00389, 0.00219, 0.00363, -0.00001, 0.0, -0.00045),
            (0.00117, 0.00118, 0.00084, 0.0, 0.0, 0.0),
        ),
    ),
)
