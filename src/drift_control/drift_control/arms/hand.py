"""The hull of the common parallel-jaw hand, which every arm here carries."""

from drift_control.arms.arm import Capsule


def hand_capsules(frame: int) -> tuple[Capsule, Capsule]:
    """Return the capsules `hand_palm` and `hand_body` at the mount, frame J + 1.

    The palm is the wide part; the body is the fingers, which open along y of the mount, short of their tips,
    which must reach the table.
    """
    return (
        Capsule("hand_palm", frame, (0.0, -0.06, 0.03), (0.0, 0.06, 0.03), 0.035),
        Capsule("hand_body", frame, (0.0, -0.03, 0.075), (0.0, 0.03, 0.075), 0.025),
    )
