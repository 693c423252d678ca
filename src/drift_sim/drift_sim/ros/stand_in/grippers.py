"""Grippers by their actions: the gripper action controllers of ros2_control, and Franka's hand."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from drift_ros.clock import steady_clock, steady_s
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_system_default
from rclpy.task import Future
from sensor_msgs.msg import JointState

from drift_sim.ros2_control.gripper import GripperJoint

_RATE_HZ = 100.0
_GOAL_TOLERANCE, _STALL_TIMEOUT_S = 0.01, 1.0  # defaults of the controllers
_FRANKA_STATE_HZ = 15.0  # of franka_gripper_node.yaml


class _Goals:
    """The goals of one action; `begin` is called with each that was accepted."""

    def __init__(
        self,
        node: Node,
        action: Any,
        name: str,
        begin: Callable[[Any], None],
        sound: Callable[[Any], bool] = lambda goal: True,
    ) -> None:
        self.taken: list[Any] = []
        self.handle: Any = None  # of the active one
        self._outcome: Future | None = None
        self._begin = begin
        self.server = ActionServer(
            node, action, name, self._execute,
            goal_callback=lambda goal: GoalResponse.ACCEPT if sound(goal) else GoalResponse.REJECT,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
        )  # fmt: skip
        node.context.on_shutdown(self.server.destroy)  # a node's destroy_node leaves it in the graph

    def end(self, result: Any, succeeded: bool) -> None:
        """End the active goal, if there is one."""
        outcome, self._outcome, self.handle = self._outcome, None, None
        if outcome is not None:
            outcome.set_result((result, succeeded))

    async def _execute(self, handle: Any) -> Any:
        self._begin(handle.request)
        outcome = self._outcome = Future()
        self.handle = handle
        self.taken.append(handle.request)
        result, succeeded = await outcome
        if handle.is_cancel_requested:
            handle.canceled()
        elif succeeded:
            handle.succeed()
        else:
            handle.abort()
        return result


class GripperController(Node):
    """parallel_gripper_action_controller; not `parallel`: position_controllers/GripperActionController.

    A new goal ends the one before. A goal is reached within 0.01 of its position; a joint that has not moved
    for a second has stalled, which aborts the goal.
    """

    def __init__(self, name: str, joint_name: str, joint: GripperJoint, parallel: bool = True) -> None:
        super().__init__(name, start_parameter_services=False)
        self.joint, self._joint_name, self._parallel = joint, joint_name, parallel
        self.preempted, self._moved_s = 0, 0.0
        actions: Any = import_module("control_msgs.action")
        self._action = actions.ParallelGripperCommand if parallel else actions.GripperCommand
        self._states = self.create_publisher(JointState, "joint_states", qos_profile_system_default)
        self.goals = _Goals(self, self._action, "~/gripper_cmd", self._begin, self._sound)
        self.create_timer(1.0 / _RATE_HZ, self._on_timer, clock=steady_clock())

    def _sound(self, goal: Any) -> bool:
        return not self._parallel or len(goal.command.position) == 1

    def _begin(self, goal: Any) -> None:
        if self.goals.handle is not None:
            self.preempted += 1
            self.goals.end(self._result(reached=False, stalled=False), False)
        self.joint.target = goal.command.position[0] if self._parallel else goal.command.position
        self._moved_s = steady_s()

    def _on_timer(self) -> None:
        self.joint.step(1.0 / _RATE_HZ)
        if self.joint.moved:
            self._moved_s = steady_s()
        self._states.publish(self._state())
        handle = self.goals.handle
        if handle is None:
            return
        if handle.is_cancel_requested:
            self.joint.target = self.joint.position
            self.goals.end(self._result(reached=False, stalled=False), False)
        elif abs(self.joint.target - self.joint.position) < _GOAL_TOLERANCE:
            self.goals.end(self._result(reached=True, stalled=False), True)
        elif steady_s() - self._moved_s > _STALL_TIMEOUT_S:
            self.goals.end(self._result(reached=False, stalled=True), False)
        else:
            handle.publish_feedback(self._told(self._action.Feedback()))

    def _state(self) -> JointState:
        msg = JointState(name=[self._joint_name], position=[self.joint.position])
        msg.header.stamp = self.get_clock().now().to_msg()
        return msg

    def _told(self, msg: Any) -> Any:
        if self._parallel:
            msg.state = self._state()
        else:
            msg.position = self.joint.position
        return msg

    def _result(self, reached: bool, stalled: bool) -> Any:
        return self._told(self._action.Result(reached_goal=reached, stalled=stalled))


class FrankaHand(Node):
    """franka_gripper: moves and grasps by width; goals are always accepted, and one ends what runs.

    A move succeeds where its width is reached, a grasp where what it holds is within its epsilon.
    """

    REACHED_M = 1e-3

    def __init__(self, joint_names: tuple[str, str], width: GripperJoint) -> None:
        super().__init__("franka_gripper", start_parameter_services=False)
        self.width = width
        self._joint_names = list(joint_names)
        actions: Any = import_module("franka_msgs.action")
        self._move_action, self._grasp_action = actions.Move, actions.Grasp
        self._states = self.create_publisher(JointState, "~/joint_states", QoSProfile(depth=1))
        self.moves = _Goals(self, actions.Move, "~/move", self._begin)
        self.grasps = _Goals(self, actions.Grasp, "~/grasp", self._begin)
        self.create_timer(1.0 / _RATE_HZ, self._on_timer, clock=steady_clock())
        self.telling = self.create_timer(1.0 / _FRANKA_STATE_HZ, self._tell, clock=steady_clock())

    def _begin(self, goal: Any) -> None:
        for goals, action in ((self.moves, self._move_action), (self.grasps, self._grasp_action)):
            goals.end(action.Result(success=False, error="command aborted"), False)
        self.width.target, self.width.speed = goal.width, goal.speed

    def _on_timer(self) -> None:
        self.width.step(1.0 / _RATE_HZ)
        for goals, action in ((self.moves, self._move_action), (self.grasps, self._grasp_action)):
            handle = goals.handle
            if handle is None:
                continue
            if handle.is_cancel_requested:
                self.width.target = self.width.position
                goals.end(action.Result(success=False), False)
            elif not self.width.moved:
                success = self._has_done(handle.request)
                goals.end(action.Result(success=success), success)
            else:
                handle.publish_feedback(action.Feedback(current_width=self.width.position))

    def _has_done(self, goal: Any) -> bool:
        epsilon = getattr(goal, "epsilon", None)
        inner, outer = (epsilon.inner, epsilon.outer) if epsilon else (self.REACHED_M, self.REACHED_M)
        return bool(goal.width - inner <= self.width.position <= goal.width + outer)

    def _tell(self) -> None:
        half = self.width.position / 2.0
        msg = JointState(name=self._joint_names, position=[half, half], velocity=[0.0] * 2, effort=[0.0] * 2)
        msg.header.stamp = self.get_clock().now().to_msg()
        self._states.publish(msg)
