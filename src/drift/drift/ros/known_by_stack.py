"""Which robot and task a running stack is of, as its nodes' parameters say."""

from pathlib import Path

from drift_ros.clock import steady_s
from drift_ros.errors import SessionError
from drift_ros.session import SessionClient
from rcl_interfaces.srv import GetParameters

from drift.ros.robot.graph import Question

_ASKED = {"robot": ("expert_gate", "robot_file"), "task": ("policy", "task_file")}
_OTHERS_WITH_A_TASK = ("trainer", "recorder")  # where the policy runs elsewhere, or not at all


class KnownByStack:
    """Asks until somebody answers."""

    def __init__(self, client: SessionClient) -> None:
        self._client = client
        self._questions = {
            (kind, node): Question(
                client.node, GetParameters, f"{node}/get_parameters", GetParameters.Request(names=[name])
            )
            for kind, (first, name) in _ASKED.items()
            for node in (first, *(_OTHERS_WITH_A_TASK if kind == "task" else ()))
        }

    def name(self, kind: str, limit_s: float) -> str:
        """Return the name of the file of config/ that the stack runs with; `kind`: robot or task.

        SessionError when nobody says it within the limit.
        """
        end_s = steady_s() + limit_s
        while steady_s() < end_s:
            self._client.spin(0.05)
            for (asked, _), question in self._questions.items():
                question.look()
                values = question.answer.values if asked == kind and question.answer is not None else []
                if values and values[0].string_value:
                    return Path(values[0].string_value).stem
        raise SessionError(
            f"no node of a stack says its {kind} after {limit_s:g} s; is the stack up (drift up)? "
            f"Of one on another network say --{kind} NAME"
        )
