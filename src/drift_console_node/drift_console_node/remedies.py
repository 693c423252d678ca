"""What a person can do about what the gate and the nodes say."""

from drift_control.gate.state import Reason

_REMEDIES = {
    Reason.CHUNK_STALE: "wait for the policy; it goes on by itself when chunks come again",
    Reason.JOINTS_STALE: "see whether the arm's driver runs and its cable is in",
    Reason.CAMERA_STALE: "see whether the camera's driver runs; it goes on when pictures come again",
    Reason.JOY_LOST: "press and release enable, or arm",
    Reason.JOY_FROZEN: "press and release enable, or arm; restart the joystick's driver if it stays",
    Reason.BAD_CHUNK: "roll the policy back, or look at its log",
    Reason.TRACKING_ERROR: "see what holds the arm back, and its speed slider; then arm",
    Reason.START_MISMATCH: "let the arm come to rest, then arm",
    Reason.OUT_OF_WORKSPACE: "press Home, or drive it back inside",
    Reason.STOP_REQUESTED: "see that the cell is clear, then arm",
    Reason.CLOCK_JUMP: "the clock was set; arm, or press enable",
    Reason.TOO_MANY_CLAMPS: "take over: the policy runs into its limits",
    Reason.COLLISION: "take over, away from what is close",
    Reason.PROTECTIVE_STOP: "see what the arm's pendant says, and release it there; then arm",
    Reason.IK_FAILED: "take over, or press Home: the pose cannot be reached",
    Reason.SHUTDOWN: "start the stack again",
    Reason.ARM_STATE_STALE: "see whether the arm's driver runs; then arm",
    Reason.TWO_PUBLISHERS: "end one of the two programs that publish the same",
    Reason.SWITCH_FAILED: "see that the gate's controller of the arm is active; then arm, or press enable",
    Reason.TOO_FAST: "press enable again, and lead the arm more slowly",
    Reason.NO_WAY: "drive the arm to where the way is free, then press Home",
}
_NOTHING_WRONG = (Reason.NONE, Reason.NOT_ARMED, Reason.WAITING_FOR_CHUNK)


def remedy(reason: str) -> str | None:
    """Return what to do about a reason of the gate; None where nothing is wrong, or nobody knows."""
    known = {each.name: each for each in Reason}
    return _REMEDIES.get(known[reason]) if reason in known else None


def is_trouble(reason: str) -> bool:
    """Return whether a reason of the gate tells of something that is wrong; one that is not known does."""
    return reason not in [each.name for each in _NOTHING_WRONG]


def node_remedy(name: str, silent: bool) -> str:
    """Return what to do about a node that complains, or says nothing."""
    if silent:
        return f"it is started again by itself; if it stays, see logs/{name}.log in the run's folder"
    return f"drift doctor says more; so does logs/{name}.log in the run's folder"
