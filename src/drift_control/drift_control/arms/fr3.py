"""Franka Research 3 in its base frame `fr3_link0` (x forward, z up).

Files named below: folder robots/fr3 of the maker's description, github.com/frankarobotics/franka_description
at commit 566ba44abc48 (2025-07-09), and libfranka's include/franka/rate_limiting.h at commit 6474466b7443.
"""

from drift_control.arms.arm import Arm, Dynamics, HardwareLimits, Taper
from drift_control.arms.panda import PANDA

# rate_limiting.h: the fastest that joint 1..7 may turn towards a limit of its range.
TAPER = (
    Taper(0.30, 12.0, -2.7501, 2.7501),
    Taper(0.20, 5.17, -1.7918, 1.7918),
    Taper(0.20, 7.0, -2.9065, 2.9065),
    Taper(0.30, 8.0, -3.0481, -0.1458),
    Taper(0.35, 34.0, -2.8101, 2.8101),
    Taper(0.35, 11.0, 0.54092, 4.5205),
    Taper(0.35, 34.0, -3.0196, 3.0196),
)

FR3 = Arm(
    name="fr3",
    joint_names=tuple(f"fr3_joint{i}" for i in range(1, 8)),
    hardware=HardwareLimits(
        # joint_limits.yaml
        position_low_rad=(-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159),
        position_high_rad=(2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159),
        velocity_rad_s=(2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26),
        acceleration_rad_s2=(10.0,) * 7,  # rate_limiting.h
        jerk_rad_s3=(5000.0,) * 7,  # rate_limiting.h
        taper=TAPER,
    ),
    before=PANDA.before,  # kinematics.yaml: the same lengths
    flange=PANDA.flange,
    capsules=PANDA.capsules,  # links of the same shape
    collision_pairs=PANDA.collision_pairs,
    above_table=PANDA.above_table,
    # Masses, centres and inertias of the links: inertials.yaml, rounded. Torques: joint_limits.yaml. Radii:
    # as the Panda's. Inertias about the joints: mean of the simulation's mass matrix over 300 random poses,
    # rounded up.
    dynamics=Dynamics(
        mass_kg=(2.9275, 2.9355, 2.2449, 2.6156, 2.3271, 1.8170, 0.6271),
        centre_m=(
            (0.0, -0.0181, -0.0386),
            (0.0032, -0.0743, 0.0088),
            (0.0407, -0.0048, -0.0290),
            (-0.0459, 0.0630, -0.0085),
            (-0.0016, 0.0293, -0.0973),
            (0.0597, -0.0410, -0.0102),
            (0.0045, 0.0086, -0.0162),
        ),
        centre_in_next=False,
        radius_m=(0.05, 0.05, 0.05, 0.05, 0.045, 0.04, 0.04),
        inertia_kg_m2=(2.0, 2.5, 1.3, 1.3, 0.3, 0.3, 0.15),
        torque_max_nm=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
        link_inertia_kg_m2=(
            (0.023927, 0.022482, 0.006350, 0.000013, -0.000114, -0.001995),
            (0.041939, 0.025145, 0.061702, 0.000203, 0.004078, -0.004225),
            (0.024101, 0.019741, 0.019044, 0.002405, -0.002856, -0.002104),
            (0.034530, 0.028882, 0.041255, 0.013226, 0.010151, -0.000976),
            (0.051610, 0.047877, 0.016424, -0.005715, -0.003567, 0.010674),
            (0.005412, 0.014058, 0.016081, 0.006193, 0.001422, -0.001314),
            (0.0002109, 0.0001772, 0.0000599, -0.0000243, 0.0000456, 0.0000874),
        ),
    ),
)
