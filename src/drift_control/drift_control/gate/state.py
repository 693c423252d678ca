"""States, reasons, sources and guard flags; the values are those of GateState.msg and Step.msg."""

from enum import IntEnum, IntFlag


class State(IntEnum):
    """Who drives the arm."""

    HOLD = 0
    HOMING = 1
    POLICY = 2
    EXPERT = 3
    FAULT = 4
    GUIDED = 5


BY_PERSON = (State.EXPERT, State.GUIDED)  # in these a person has the arm, by a device or by hand


def wants_chunks(state: int, armed: bool) -> bool:
    """Say whether in this state of the gate the policy drives, or is awaited by an armed arm that holds."""
    return state == State.POLICY or (state == State.HOLD and armed)


class Reason(IntEnum):
    """Why the gate is in its state."""

    NONE = 0
    NOT_ARMED = 1
    WAITING_FOR_CHUNK = 2
    CHUNK_STALE = 3
    JOINTS_STALE = 4
    CAMERA_STALE = 5
    JOY_LOST = 6
    JOY_FROZEN = 7
    BAD_CHUNK = 8
    TRACKING_ERROR = 9
    START_MISMATCH = 10
    OUT_OF_WORKSPACE = 11
    STOP_REQUESTED = 12
    CLOCK_JUMP = 13
    TOO_MANY_CLAMPS = 14
    COLLISION = 15
    PROTECTIVE_STOP = 16
    IK_FAILED = 17
    SHUTDOWN = 18
    ARM_STATE_STALE = 19
    TWO_PUBLISHERS = 20
    NO_WAY = 21
    SWITCH_FAILED = 22
    TOO_FAST = 23


class CommandSource(IntEnum):
    """Whose command a control step executed."""

    HOLD = 0
    POLICY = 1
    EXPERT = 2
    HOMING = 3


class GuardFlag(IntFlag):
    """What the guard changed in a control step."""

    NONE = 0
    POSITION = 1
    VELOCITY = 2
    ACCELERATION = 4
    TCP_SPEED = 8
    WORKSPACE = 16
    COLLISION = 32
    HOLD = 64
    RAMP = 128
    GRIPPER = 256
