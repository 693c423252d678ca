"""Goals for a gripper that takes actions, as a GoalPolicy lets them through."""

from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from drift_control.gripper.goals import GoalPolicy, GripperGoal
from drift_ros.acquaintance import Acquaintance
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

_ENDS = {GoalStatus.STATUS_ABORTED: "aborted", GoalStatus.STATUS_CANCELED: "cancelled"}


class GoalSender:
    """Sends goals of a GoalPolicy to one action; tells the policy when they end, and a person if in vain."""

    def __init__(
        self, node: Node, policy: GoalPolicy, action: Any, name: str, say: Callable[[str], None]
    ) -> None:
        self._policy, self._name, self._say = policy, name, say
        self._client = ActionClient(node, action, name)
        # a node's destroy_node leaves its action clients, and with them the node, in the ROS graph
        node.context.on_shutdown(self._client.destroy)
        self._server = Acquaintance(node, f"{name}/_action/send_goal", self._client.server_is_ready)

    def ready(self) -> bool:
        """Return whether somebody offers the action, whose answers arrive."""
        return self._server.made

    def send(self, message: Any, goal: GripperGoal) -> None:
        """Send one goal; one that nobody takes, or that is refused, is said, and sent again by the policy.

        So is one for a hand that does not know this client yet: its answer would be lost.
        """
        if not self._client.server_is_ready():
            self._fail(goal, f"nobody offers the action {self._name}")
            return
        if not self._server.made:
            self._policy.failed(goal.opening_m)
            return
        self._client.send_goal_async(message).add_done_callback(lambda sent: self._on_answer(sent, goal))

    def _on_answer(self, sent: Future, goal: GripperGoal) -> None:
        handle = sent.result()
        if handle is None or not handle.accepted:
            self._fail(goal, f"{self._name} refused the goal")
            return
        handle.get_result_async().add_done_callback(lambda ended: self._on_end(ended, goal))

    def _on_end(self, ended: Future, goal: GripperGoal) -> None:
        newest, answer = self._policy.ended(goal.opening_m), ended.result()
        if newest and answer is not None and answer.status in _ENDS:
            self._say(f"gripper: {self._name} {_ENDS[answer.status]} the goal{_reason(answer.result)}")

    def _fail(self, goal: GripperGoal, reason: str) -> None:
        self._policy.failed(goal.opening_m)
        self._say(f"gripper: {reason}")


def _reason(result: Any) -> str:
    """Return what the result of an action says about its end; empty if nothing."""
    if getattr(result, "stalled", False):  # of control_msgs
        return " (stalled)"
    error = getattr(result, "error", "")  # of franka_msgs
    return f" ({error})" if error else ""
