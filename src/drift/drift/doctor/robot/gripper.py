"""Does anybody take what the gate tells the gripper."""

from collections.abc import Collection, Mapping

from drift_control.gripper.config import Gripper

from drift.doctor.finding import Finding, failure, good

_ACTIONS = {  # by interface: suffix of the action's name, and its type
    "gripper_command": {"": "control_msgs/action/GripperCommand"},
    "parallel_gripper_command": {"": "control_msgs/action/ParallelGripperCommand"},
    "franka": {"/grasp": "franka_msgs/action/Grasp", "/move": "franka_msgs/action/Move"},
}
_NUMBERS = "std_msgs/msg/Float64MultiArray"


def gripper(
    hand: Gripper, topic: str, listeners: Collection[str], actions: Mapping[str, Collection[str]]
) -> Finding:
    """`topic`: its own in full; `listeners`: message types on it; `actions`: types by full name."""
    if hand.interface == "none":
        return good("none")
    remedy = (
        f"start and activate the driver of {hand.name}, or name another hand with --gripper; "
        f"topic and interface stand in config/grippers/{hand.name}.yaml"
    )
    if hand.interface == "forward_position":
        if set(listeners) == {_NUMBERS}:
            return good(f"{topic} has a listener")
        wrong = ", ".join(sorted(set(listeners) - {_NUMBERS}))
        return failure(
            f"{topic} is of {wrong}, must be {_NUMBERS}" if wrong else f"nobody listens to {topic}", remedy
        )
    for suffix, kind in _ACTIONS[hand.interface].items():
        offered = actions.get(f"{topic}{suffix}", ())
        if kind not in offered:
            there = f", but {', '.join(sorted(offered))}" if offered else ""
            return failure(f"nobody offers the action {topic}{suffix} of {kind}{there}", remedy)
    return good(f"{topic} is offered ({hand.interface})")
