"""Universal Robots UR10e in its ROS base frame `base_link` (x forward, z up).

Files named below: folder config/ur10e of the maker's ROS description, as of commit 2221ec0f720f (2024-10-14)
of github.com/UniversalRobots/Universal_Robots_ROS2_Description.
"""

import math

from drift_control.arms.arm import Capsule, Dynamics
from drift_control.arms.universal_robots import universal_robot

UR10E = universal_robot(
    name="ur10e",
    # Universal Robots, "DH parameters for calculations of kinematics and dynamics", standard convention:
    # per joint a_i [m], alpha_i [rad], d_i [m]; the same lengths as default_kinematics.yaml.
    standard_dh=(
        (0.0, math.pi / 2, 0.1807),
        (-0.6127, 0.0, 0.0),
        (-0.57155, 0.0, 0.0),
        (0.0, math.pi / 2, 0.17415),
        (0.0, -math.pi / 2, 0.11985),
        (0.0, 0.0, 0.11655),
    ),
    velocity_rad_s=(math.pi * 2 / 3,) * 2 + (math.pi,) * 4,  # joint_limits.yaml
    # Our own coarse hull, sized after the collision meshes of the ROS description; upper arm and forearm lie
    # beside the DH axes by 0.1762 and 0.0393 m, as physical_parameters.yaml says.
    capsules=(
        Capsule("base", 0, (0.0, 0.0, 0.02), (0.0, 0.0, 0.08), 0.095),
        Capsule("shoulder", 2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.17), 0.076),
        Capsule("upper_arm", 2, (-0.08, 0.0, 0.176), (-0.6127, 0.0, 0.176), 0.072),
        Capsule("elbow", 3, (0.0, 0.0, 0.03), (0.0, 0.0, 0.18), 0.06),
        Capsule("forearm", 3, (-0.08, 0.0, 0.039), (-0.54, 0.0, 0.039), 0.056),
        Capsule("wrist", 4, (0.0, 0.0, 0.02), (0.0, 0.0, 0.17415), 0.05),
        Capsule("wrist_low", 5, (0.0, 0.0, 0.0), (0.0, 0.0, 0.11985), 0.05),
        Capsule("flange", 6, (0.0, 0.0, 0.035), (0.0, 0.0, 0.095), 0.046),
    ),
    # Masses, centres and inertias of the links: as the DH table, and physical_parameters.yaml.
    # Torques: joint_limits.yaml. Radii: our own. Inertias about the joints: mean of the simulation's mass
    # matrix over 300 random poses, rounded up.
    dynamics=Dynamics(
        mass_kg=(7.369, 13.051, 3.989, 2.1, 1.98, 0.615),
        centre_m=(
            (0.021, 0.0, 0.027),
            (0.38, 0.0, 0.158),
            (0.24, 0.0, 0.068),
            (0.0, 0.007, 0.018),
            (0.0, 0.007, 0.018),
            (0.0, 0.0, -0.026),
        ),
        centre_in_next=True,
        radius_m=(0.065, 0.055, 0.045, 0.045, 0.045, 0.042),
        inertia_kg_m2=(6.0, 8.0, 3.5, 0.35, 0.25, 0.15),
        torque_max_nm=(330.0, 330.0, 150.0, 54.0, 54.0, 54.0),
        link_inertia_kg_m2=(
            (0.03408, 0.03529, 0.02156, 0.00002, -0.00425, 0.00008),
            (0.02814, 0.77068, 0.76943, 0.00005, -0.01561, 0.00002),
            (0.01014, 0.30928, 0.30646, 0.00008, 0.00916, 0.0),
            (0.00296, 0.00222, 0.00258, -0.00001, 0.0, -0.00024),
            (0.00296, 0.00222, 0.00258, -0.00001, 0.0, -0.00024),
            (0.00040, 0.00041, 0.00034, 0.0, 0.0, 0.0),
        ),
    ),
)
