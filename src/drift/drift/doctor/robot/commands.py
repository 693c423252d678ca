"""Who commands the arm beside the gate."""

from collections.abc import Sequence

from drift.doctor.finding import Finding, failure, good
from drift.doctor.robot.wanted import Wanted

_GATE = "expert_gate"


def commanders(wanted: Wanted, publishers: Sequence[str], goals: int) -> Finding:
    """`publishers`: nodes that publish commands, by full name; `goals`: of the controller, under way."""
    gates = [name for name in publishers if name.rpartition("/")[2] == _GATE]
    others = [name for name in publishers if name not in gates]
    if others or len(gates) > 1:
        return failure(
            f"{', '.join(others or gates)} {'publish' if len(others or gates) > 1 else 'publishes'} "
            f"{wanted.topic}: the gate does not arm beside another",
            "end it, or give one of the stacks another ROS_DOMAIN_ID or namespace",
        )
    if goals:
        action = f"{wanted.topic.rpartition('/')[0]}/follow_joint_trajectory"
        return failure(
            f"{goals} goal{'s' if goals > 1 else ''} of {action} under way (MoveIt?): the gate does not arm",
            "cancel it, or wait for its end; do not execute with MoveIt while the gate is armed",
        )
    return good(f"nobody but {gates[0]}" if gates else "nobody; the gate is not up")
