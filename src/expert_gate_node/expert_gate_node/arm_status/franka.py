"""The state of a Franka arm from what franka_robot_state_broadcaster publishes."""

from collections.abc import Sequence

from drift_control.inputs import ArmState

_MODES = ("OTHER", "IDLE", "MOVE", "GUIDING", "REFLEX", "USER_STOPPED", "AUTOMATIC_ERROR_RECOVERY")
_READY, _STOPPED = ("IDLE", "MOVE"), ("REFLEX", "USER_STOPPED")
_REMEDY = "recover it (Desk, or the action error_recovery), activate its controller, then arm again"


def franka_state(robot_mode: int, errors: Sequence[str], arrival_s: float) -> ArmState:
    """Return the state in a mode with the current errors by name; there is no speed slider."""
    mode = _MODES[robot_mode] if robot_mode < len(_MODES) else str(robot_mode)
    names = ", ".join(errors)
    trouble = ""
    if mode not in _READY:
        trouble = f"the Franka is in {mode}{f' ({names})' if names else ''}: {_REMEDY}"
    elif names:
        trouble = f"the Franka reports {names}: {_REMEDY}"
    return ArmState(not trouble, mode in _STOPPED or bool(names), 1.0, arrival_s, trouble)
