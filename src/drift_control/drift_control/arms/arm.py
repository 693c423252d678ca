"""What is known of an arm from its maker: geometry, hardware limits, a hull for collision checks, dynamics.

Every arm is a chain: frame i = frame i-1 * before[i] * Rz(q_i). Frame i turns with joint i about its z axis.
A simulator is generated from the same numbers: body i sits at before[i] in body i-1, hinged along z.
"""

import math
from dataclasses import dataclass

from drift_control.arms.transforms import Transform

Vector3 = tuple[float, float, float]


@dataclass(frozen=True)
class Capsule:
    """A body of the arm for collision checks: all points within `radius_m` of a segment.

    Frame 0 is the base, i (1..J) turns with joint i, J + 1 is the mount of the hand on the flange.
    """

    name: str
    frame: int
    start_m: Vector3
    end_m: Vector3
    radius_m: float


@dataclass(frozen=True)
class Taper:
    """How fast a joint may turn near the ends of its range: sqrt(slope * distance) - offset."""

    offset_rad_s: float
    slope_rad_s2: float
    low_rad: float  # the distance is to these two
    high_rad: float

    def fastest_rad_s(self, low_rad: float, high_rad: float) -> float:
        """Return the velocity that is allowed everywhere in [low_rad, high_rad]."""
        distance = min(low_rad - self.low_rad, self.high_rad - high_rad)
        return max(0.0, math.sqrt(max(0.0, self.slope_rad_s2 * distance)) - self.offset_rad_s)


@dataclass(frozen=True)
class HardwareLimits:
    """What the joints of an arm are built for, (J,) each; whatever is commanded stays within it."""

    position_low_rad: tuple[float, ...]
    position_high_rad: tuple[float, ...]
    velocity_rad_s: tuple[float, ...]
    acceleration_rad_s2: tuple[float, ...]
    jerk_rad_s3: tuple[float, ...]
    taper: tuple[Taper, ...] | None = None  # None: the same velocity everywhere


@dataclass(frozen=True)
class Dynamics:
    """What a simulation needs beside the geometry; one entry per joint, or per link behind it."""

    mass_kg: tuple[float, ...]
    centre_m: tuple[Vector3, ...]  # centre of mass of each link
    centre_in_next: bool  # the centres are given in the frame behind the link (standard DH), not before it
    radius_m: tuple[float, ...]  # of the capsule that is drawn for the link
    inertia_kg_m2: tuple[float, ...]  # typical inertia about the joint; sets the stiffness of its servo
    torque_max_nm: tuple[float, ...]
    # Inertia of each link about its centre of mass, in the frame of the centres: xx yy zz xy xz yz. None:
    # small beside mass x distance², as the makers say of their small arms; a ball of the link's width then.
    link_inertia_kg_m2: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm without a hand."""

    name: str
    joint_names: tuple[str, ...]  # as in the maker's robot description
    hardware: HardwareLimits
    before: Transform  # (J, 4, 4) from frame i-1 to frame i at q_i = 0
    flange: Transform  # (4, 4) from the last joint's frame to the flange, z out of the arm
    capsules: tuple[Capsule, ...]  # of the arm alone
    collision_pairs: tuple[tuple[str, str], ...]  # capsules that must not touch, the hand's included
    above_table: tuple[str, ...]  # capsules that must stay above the table
    dynamics: Dynamics | None = None  # None: it cannot be simulated

    @property
    def n_joints(self) -> int:
        """Number of joints J."""
        return len(self.before)
