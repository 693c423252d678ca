"""Universal Robots UR3e in its ROS base frame `base_link` (x forward, z up).

Files named below: folder config/ur3e of the maker's ROS description, as of commit 2221ec0f720f (2024-10-14)
of github.com/UniversalRobots/Universal_Robots_ROS2_Description.
"""

import math

from drift_control.arms.arm import Capsule, Dynamics
from drift_control.arms.universal_robots import TURN, universal_robot

UR3E = universal_robot(
    name="ur3e",
    # Universal Robots, "DH parameters for calculations of kinematics and dynamics", standard convention:
    # per joint a_i [m], alpha_i [rad], d_i [m]; the same lengths as default_kinematics.yaml.
    standard_dh=(
        (0.0, math.pi / 2, 0.15185),
        (-0.24355, 0.0, 0.0),
        (-0.2132, 0.0, 0.0),
        (0.0, math.pi / 2, 0.13105),
        (0.0, -math.pi / 2, 0.08535),
        (0.0, 0.0, 0.0921),
    ),
    velocity_rad_s=(math.pi,) * 3 + (TURN,) * 3,  # joint_limits.yaml
    # Our own coarse hull, sized after the radii of physical_parameters.yaml; upper arm and forearm lie beside
    # the DH axes by 0.120 and 0.027 m, as it says.
    capsules=(
        Capsule("base", 0, (0.0, 0.0, 0.02), (0.0, 0.0, 0.09), 0.064),
        Capsule("shoulder", 2, (0.0, 0.0, 0.0), (0.0, 0.0, 0.12), 0.06),
        Capsule("upper_arm", 2, (-0.06, 0.0, 0.12), (-0.24355, 0.0, 0.12), 0.054),
        Capsule("elbow", 3, (0.0, 0.0, 0.0), (0.0, 0.0, 0.12), 0.05),
        Capsule("forearm", 3, (-0.06, 0.0, 0.027), (-0.19, 0.0, 0.027), 0.04),
        Capsule("wrist", 4, (0.0, 0.0, 0.02), (0.0, 0.0, 0.13105), 0.04),
        Capsule("wrist_low", 5, (0.0, 0.0, 0.0), (0.0, 0.0, 0.08535), 0.04),
        Capsule("flange", 6, (0.0, 0.0, 0.03), (0.0, 0.0, 0.075), 0.036),
    ),
    # Masses and centres: physical_parameters.yaml, turned into the DH table's frames. Torques:
    # joint_limits.yaml. Radii: our own. Inertias about the joints: mean of the simulation's mass matrix over
    # 300 random poses, rounded up.
    dynamics=Dynamics(
        mass_kg=(1.98, 3.4445, 1.437, 0.871, 0.805, 0.261),
        centre_m=(
            (0.0, -0.02, 0.0),
            (0.13, 0.0, 0.1157),
            (0.05, 0.0, 0.0238),
            (0.0, 0.0, 0.01),
            (0.0, 0.0, 0.01),
            (0.0, 0.0, -0.02),
        ),
        centre_in_next=True,
        radius_m=(0.045, 0.04, 0.035, 0.035, 0.035, 0.034),
        inertia_kg_m2=(0.6, 0.7, 0.4, 0.2, 0.15, 0.15),
        torque_max_nm=(54.0, 54.0, 28.0, 9.0, 9.0, 9.0),
    ),
)
