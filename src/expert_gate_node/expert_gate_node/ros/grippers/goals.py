"""Goals for a gripper that takes actions: few of them, and never two at a time."""

from typing import Any

from drift_control.gripper.goals import GoalPolicy, GripperGoal
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

_TOLD_S = 5.0  # a missing driver is said again after so long


class GoalSender:
    """Sends goals of a GoalPolicy to one action and tells the policy when they end."""

    def __init__(self, node: Node, policy: GoalPolicy, action: Any, name: str) -> None:
        self._node, self._policy, self._name = node, policy, name
        self._client = ActionClient(node, action, name)

    def ready(self) -> bool:
        """Return whether somebody offers the action."""
        return bool(self._client.server_is_ready())

    def send(self, message: Any, goal: GripperGoal) -> None:
        """Send one goal; where nobody takes it, or it is refused, the next one may follow at once."""
        if not self.ready():
            self._fail(goal, f"nobody offers the action {self._name}")
            return
        self._client.send_goal_async(message).add_done_callback(lambda sent: self._on_answer(sent, goal))

    def _on_answer(self, sent: Future, goal: GripperGoal) -> None:
        handle = sent.result()
        if handle is None or not handle.accepted:
            self._fail(goal, f"{self._name} refused the goal")
            return
        handle.get_result_async().add_done_callback(lambda _: self._policy.ended(goal.opening_m))

    def _fail(self, goal: GripperGoal, reason: str) -> None:
        self._policy.failed(goal.opening_m)
        self._node.get_logger().warning(
            f"gripper not told to go to {goal.opening_m:.3f} m: {reason}", throttle_duration_sec=_TOLD_S
        )
