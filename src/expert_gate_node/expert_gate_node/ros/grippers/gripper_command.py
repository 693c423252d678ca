"""control_msgs/GripperCommand: position_controllers/GripperActionController of Humble and older Jazzy."""

from collections.abc import Callable
from importlib import import_module

from drift_control.gripper.config import Gripper
from drift_control.gripper.goals import GoalPolicy
from rclpy.node import Node

from expert_gate_node.ros.grippers.goals import GoalSender


class GripperCommandGripper:
    """One joint by position, with the force as the largest effort."""

    def __init__(self, node: Node, gripper: Gripper, topic: str, say: Callable[[str], None]) -> None:
        # a package that only some installations have
        self._gripper, self._action = gripper, import_module("control_msgs.action").GripperCommand
        self._policy = GoalPolicy(gripper)
        self._sender = GoalSender(node, self._policy, self._action, topic, say)

    def command(self, opening_m: float, now_s: float) -> None:
        """Send a goal if the opening [m] has changed."""
        if goal := self._policy.next(opening_m, now_s):
            message = self._action.Goal()
            message.command.position = self._gripper.positions(goal.opening_m)[0]
            message.command.max_effort = self._gripper.force_n
            self._sender.send(message, goal)

    def forget(self) -> None:
        """Whatever is held stays held."""
        self._policy.forget()
