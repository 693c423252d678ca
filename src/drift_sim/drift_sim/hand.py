"""The parallel-jaw hand that the arms carry, if any: two slides, one actuator, 0.08 m opening.

Frame `hand` sits on the flange: z points out of the hand, the fingers slide along ±y, the TCP lies
between the finger pads. Sizes follow the Franka Hand (data sheet: 0.73 kg, 80 mm travel); the shapes
are boxes of our own.
"""

from xml.etree.ElementTree import Element

import numpy as np
from drift_config.errors import ConfigError
from drift_control.gripper.config import Gripper, JointMap

from drift_sim.mjcf import child

OPENING_MAX_M = 0.08  # both fingers together
FINGER_JOINTS = ("finger_joint1", "finger_joint2")
FINGER_MASS_KG, ROD_MASS_KG = 0.03, 0.005  # of each finger
TIP_BEYOND_TCP_M = 0.009  # the finger tips reach this far beyond the TCP
PAD_HALF_M = np.array([0.010, 0.004, 0.0225])  # half size of one finger pad: along x, y (slide), z
GRIP_KP_N_M = 1500.0  # force per metre of opening error, over both fingers
GRIP_KV_NS_M = 40.0  # force per speed of the opening

GREY = (0.45, 0.45, 0.47, 1.0)
DARK = (0.25, 0.25, 0.27, 1.0)


def add_hand(parent: Element, gripper: Gripper) -> Element:
    """Append the hand, or none, to `parent` at the frame `hand`; return its body. ConfigError for another."""
    if gripper.interface == "none":
        hand = child(parent, "body", name="hand", gravcomp=1)
        child(hand, "site", name="tcp", pos=(0, 0, gripper.tcp_offset_m), size=(0.003,), group=5)
        return hand
    if (
        gripper.joints != dict.fromkeys(FINGER_JOINTS, JointMap(1.0))
        or gripper.opening_max_m != OPENING_MAX_M
    ):
        raise ConfigError(
            f"gripper={gripper.name} cannot be simulated, must be parallel_hand or none: "
            f"joints {', '.join(FINGER_JOINTS)} of one finger each, opening_max_m={OPENING_MAX_M}"
        )
    hand = child(parent, "body", name="hand", gravcomp=1)
    child(
        hand,
        "inertial",
        pos=(0, 0, 0.03),
        mass=gripper.mass_kg - 2 * (FINGER_MASS_KG + ROD_MASS_KG),
        diaginertia=(0.0025, 0.001, 0.0017),
    )
    # The palm ends 26 mm before the pads begin, so that an object of 50 mm height fits between them.
    child(
        hand,
        "geom",
        name="palm",
        type="box",
        size=(0.022, 0.095, 0.022),
        pos=(0, 0, 0.030),
        rgba=GREY,
        class_="touch",
    )
    for joint, side in zip(FINGER_JOINTS, (1.0, -1.0), strict=True):
        _add_finger(hand, joint, side, gripper.tcp_offset_m)
    child(hand, "site", name="tcp", pos=(0, 0, gripper.tcp_offset_m), size=(0.003,), group=5)
    return hand


def _add_finger(hand: Element, joint: str, side: float, tcp_offset_m: float) -> None:
    finger = child(hand, "body", name=f"{joint}_link", gravcomp=1)
    child(
        finger,
        "joint",
        name=joint,
        type="slide",
        axis=(0, side, 0),
        range=(0, OPENING_MAX_M / 2),
        limited=True,
        damping=10.0,
        armature=0.1,
    )
    # At opening 0 the inner faces of both pads meet at y = 0.
    y = side * PAD_HALF_M[1]
    middle = tcp_offset_m + TIP_BEYOND_TCP_M - PAD_HALF_M[2]
    child(
        finger,
        "geom",
        name=f"{joint}_pad",
        type="box",
        size=PAD_HALF_M,
        pos=(0, y, middle),
        mass=FINGER_MASS_KG,
        rgba=DARK,
        class_="pad",
    )
    child(
        finger,
        "geom",
        name=f"{joint}_rod",
        type="box",
        size=(0.008, 0.004, 0.012),
        pos=(0, y, middle - PAD_HALF_M[2] - 0.010),
        mass=ROD_MASS_KG,
        rgba=GREY,
        class_="seen",
    )


def add_gripper_drive(tendon: Element, equality: Element, actuator: Element, force_n: float) -> None:
    """Couple the fingers; one actuator drives their opening (sum of both slides), each by up to `force_n`."""
    opening = child(tendon, "fixed", name="opening")
    for joint in FINGER_JOINTS:
        child(opening, "joint", joint=joint, coef=1)
    child(
        equality,
        "joint",
        joint1=FINGER_JOINTS[0],
        joint2=FINGER_JOINTS[1],
        solimp=(0.95, 0.99, 0.001),
        solref=(0.005, 1),
    )
    child(
        actuator,
        "position",
        name="gripper",
        tendon="opening",
        kp=GRIP_KP_N_M,
        kv=GRIP_KV_NS_M,
        forcerange=(-force_n, force_n),
        ctrlrange=(0, OPENING_MAX_M),
    )
