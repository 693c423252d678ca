"""Franka's hand by the actions of franka_gripper: it grasps while closing, and moves while opening."""

from collections.abc import Callable
from importlib import import_module

from drift_control.gripper.config import Gripper
from drift_control.gripper.goals import GoalPolicy
from rclpy.node import Node

from expert_gate_node.ros.grippers.goals import GoalSender


class FrankaGripper:
    """Widths in metres; a grasp counts whatever the width of the thing."""

    def __init__(self, node: Node, gripper: Gripper, topic: str, say: Callable[[str], None]) -> None:
        actions = import_module("franka_msgs.action")  # a package that only some installations have
        self._gripper, self._grasp_action, self._move_action = gripper, actions.Grasp, actions.Move
        self._policy = GoalPolicy(gripper)
        self._grasp = GoalSender(node, self._policy, actions.Grasp, f"{topic}/grasp", say)
        self._move = GoalSender(node, self._policy, actions.Move, f"{topic}/move", say)

    def command(self, opening_m: float, now_s: float) -> None:
        """Send a goal if the opening [m] has changed."""
        goal = self._policy.next(opening_m, now_s)
        if goal is None:
            return
        message = (self._grasp_action if goal.closing else self._move_action).Goal()
        message.width, message.speed = goal.opening_m, self._gripper.speed_m_s
        if goal.closing:
            message.force = self._gripper.force_n
            message.epsilon.inner = message.epsilon.outer = self._gripper.opening_max_m
        (self._grasp if goal.closing else self._move).send(message, goal)

    def forget(self) -> None:
        """Whatever is held stays held."""
        self._policy.forget()
