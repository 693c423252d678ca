"""What the arm says about itself: modes, program, errors, speed slider."""

from drift_control.inputs import ArmState

from drift.doctor.finding import Finding, failure, good, warning
from drift.doctor.robot.wanted import Wanted

_HEARD_BY = {  # by arm_state of the robot's file
    "message": "arm_state",
    "ur": "io_and_status_controller and speed_scaling_state_broadcaster",
    "franka": "franka_robot_state_broadcaster/robot_state",
}


def arm(wanted: Wanted, state: ArmState | None, silent_s: float) -> Finding:
    """`state`: the newest, with why it is not ready; None: nothing was heard for `silent_s`."""
    source = wanted.robot.arm_state
    if state is None and source == "message":
        return warning(
            "nobody says how the arm is (arm_state): that it has stopped shows only in its motion",
            f"arm_state: ur or franka in a copy of {wanted.file}, or publish drift_interfaces/ArmState",
        )
    if state is None:
        return failure(
            f"nothing heard of {_HEARD_BY[source]} within {silent_s:g} s",
            "start the arm's driver, and activate that controller",
        )
    text, _, remedy = state.trouble.partition(": ")
    if text or not state.ready:
        return failure(
            text or "the arm says that it is not ready", remedy or "see what its driver and its pendant say"
        )
    return good({"ur": "RUNNING, its program runs", "franka": "no error"}.get(source, "ready"))


def slider(state: ArmState | None) -> Finding | None:
    """How fast the pendant lets it be; None where nothing was heard."""
    if state is None:
        return None
    if state.speed_scale <= 0.0:
        return failure("the arm's speed slider is at 0 %: the gate holds", "raise it on the pendant")
    return good(f"{state.speed_scale:.0%}: the gate slows down with it")
