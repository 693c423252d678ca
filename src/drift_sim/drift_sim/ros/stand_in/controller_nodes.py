"""The nodes of controllers: their topics, actions and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.qos import qos_profile_system_default
from rclpy.task import Future
from std_msgs.msg import Bool, Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from drift_sim.ros.trajectory_message import from_message
from drift_sim.ros2_control.controller_manager import GuidingController
from drift_sim.ros2_control.freedrive_controller import FreedriveController
from drift_sim.ros2_control.gravity_compensation import GravityCompensation
from drift_sim.ros2_control.trajectory_controller import JointTrajectoryController, Trajectory

if TYPE_CHECKING:
    from drift_sim.ros.stand_in.ros2_control import Ros2Control


class ControllerNode(Node):
    """A controller's node: what it is told by topics, and which joints it has."""

    TYPE = ""  # the class name of the original

    def __init__(self, ros2_control: Ros2Control, name: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(name, namespace=ros2_control.namespace)
        self._ros2_control = ros2_control
        for parameter, value in parameters.items():
            self.declare_parameter(parameter, value)

    def on_switch(self, active: bool) -> None:
        """The controller has been activated or deactivated."""

    def after_update(self) -> None:
        """A cycle has passed; called in the loop's thread, under its lock."""


class PositionControllerNode(ControllerNode):
    """position_controllers/JointGroupPositionController."""

    TYPE = "position_controllers/JointGroupPositionController"

    def __init__(self, ros2_control: Ros2Control, name: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(ros2_control, name, parameters)
        self.create_subscription(
            Float64MultiArray, "~/commands", self._on_commands, qos_profile_system_default
        )

    def _on_commands(self, msg: Float64MultiArray) -> None:
        control = self._ros2_control
        with control.lock:
            refusal = control.controller.accept(np.array(msg.data), control.loop.time_s)
        if refusal:
            self.get_logger().error(refusal)


class GuidingNode(Node):
    """The node of a controller of hand guiding."""

    NAME = ""  # as its maker's files have it
    TYPE = ""

    def __init__(self, ros2_control: Ros2Control, name: str = "") -> None:
        super().__init__(name or self.NAME, namespace=ros2_control.namespace, start_parameter_services=False)
        self._ros2_control = ros2_control
        self.controller: GuidingController


class FreedriveControllerNode(GuidingNode):
    """ur_controllers/FreedriveModeController: its topic."""

    NAME = "freedrive_mode_controller"
    TYPE = "ur_controllers/FreedriveModeController"

    def __init__(self, ros2_control: Ros2Control, name: str = "") -> None:
        super().__init__(ros2_control, name)
        self.controller = self._freedrive = FreedriveController()
        self.create_subscription(Bool, "~/enable_freedrive_mode", self._on_enable, 10)

    def _on_enable(self, msg: Bool) -> None:
        control = self._ros2_control
        with control.lock:
            self._freedrive.accept(msg.data, control.loop.time_s)


class GravityCompensationNode(GuidingNode):
    """franka_example_controllers/GravityCompensationExampleController: no topic at all."""

    NAME = "gravity_compensation_example_controller"
    TYPE = "franka_example_controllers/GravityCompensationExampleController"

    def __init__(self, ros2_control: Ros2Control, name: str = "") -> None:
        super().__init__(ros2_control, name)
        self.controller = GravityCompensation()


GUIDING: Mapping[str, type[GuidingNode]] = {
    "ur": FreedriveControllerNode,
    "franka": GravityCompensationNode,
}


class TrajectoryControllerNode(ControllerNode):
    """joint_trajectory_controller/JointTrajectoryController with its action.

    A goal's trajectory and a message's replace one another; a goal that was replaced by messages goes on and
    succeeds once the last point of whatever came last is reached.
    """

    TYPE = "joint_trajectory_controller/JointTrajectoryController"

    def __init__(self, ros2_control: Ros2Control, name: str, parameters: Mapping[str, Any]) -> None:
        super().__init__(ros2_control, name, parameters)
        self._goal: tuple[Any, Future] | None = None  # the active one: its handle and its outcome
        profile = qos_profile_system_default
        self.create_subscription(JointTrajectory, "~/joint_trajectory", self._on_trajectory, profile)
        try:
            self._action = import_module("control_msgs.action").FollowJointTrajectory
        except ModuleNotFoundError:
            self.get_logger().info("no action follow_joint_trajectory: control_msgs is not installed")
            return
        self._server = ActionServer(
            self, self._action, "~/follow_joint_trajectory", self._execute,
            goal_callback=self._on_goal, cancel_callback=self._on_cancel,
        )  # fmt: skip
        self.context.on_shutdown(self._server.destroy)  # a node's destroy_node leaves it in the graph

    def on_switch(self, active: bool) -> None:
        """A goal does not outlive the controller's activity."""
        if not active:
            self._end(self._result("INVALID_GOAL", "Current goal cancelled during deactivate transition."))

    def after_update(self) -> None:
        """End the goal when its time has come; the executor's thread does the rest."""
        controller = self._controller
        if self._goal is None:
            return
        if controller.holds:
            self._end(self._result("PATH_TOLERANCE_VIOLATED", "Aborted due to path tolerance violation"))
        elif controller.at_end:
            self._end(self._result("SUCCESSFUL", "Goal successfully reached!"))

    @property
    def _controller(self) -> JointTrajectoryController:
        controller = self._ros2_control.controller
        assert isinstance(controller, JointTrajectoryController)
        return controller

    def _accept(self, msg: JointTrajectory) -> str:
        control = self._ros2_control
        try:
            trajectory: Trajectory = from_message(msg, control.clock_ahead_s)
        except ValueError as error:
            return str(error)
        with control.lock:
            return self._controller.accept(trajectory, control.loop.time_s)

    def _on_trajectory(self, msg: JointTrajectory) -> None:
        if refusal := self._accept(msg):
            self.get_logger().error(refusal)

    def _on_goal(self, goal: Any) -> GoalResponse:
        if not self._controller.active:
            self.get_logger().error("Can't accept new action goals. Controller is not running.")
            return GoalResponse.REJECT
        with self._ros2_control.lock:
            refusal = self._accept(goal.trajectory)
            if not refusal:
                text = "Current goal preempted by new incoming action."
                self._end(self._result("INVALID_GOAL", text))
        return GoalResponse.REJECT if refusal else GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        control = self._ros2_control
        with control.lock:
            self._controller.activate(control.loop.time_s, control.arm.q)  # holds where it is
            self._end(self._result("SUCCESSFUL", ""))
        return CancelResponse.ACCEPT

    def _result(self, code: str, text: str) -> Any:
        if self._goal is None:
            return None
        result = self._action.Result
        return result(error_code=getattr(result, code), error_string=text)

    def _end(self, result: Any) -> None:
        goal, self._goal = self._goal, None
        if goal is not None:
            self.executor.create_task(goal[1].set_result, result)

    async def _execute(self, handle: Any) -> Any:
        outcome = Future(executor=self.executor)
        with self._ros2_control.lock:
            self._goal = (handle, outcome)
        result = await outcome
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code == result.SUCCESSFUL:
            handle.succeed()
        else:
            handle.abort()
        return result
