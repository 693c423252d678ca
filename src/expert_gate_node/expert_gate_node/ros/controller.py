"""The controller at the other end of `command`, as far as the graph tells."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from action_msgs.msg import GoalStatus, GoalStatusArray
from drift_ros import qos
from drift_ros.clock import steady_clock
from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future

from expert_gate_node.activity import inactive, joint_order, other_order
from expert_gate_node.ros.optional import optional

# statuses of a goal that moves the arm, or may
UNDER_WAY = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)
_TRAJECTORY, _POSITIONS = "joint_trajectory", "commands"  # the topics of the controllers
_ASK_S = 1.0  # between two questions to the controller and its manager
_WITHOUT = "whether the arm's controller is active shows only in the arm's motion"


class Controller:
    """Say why it must not be told anything: nobody listens, it is inactive, or others tell it what to do."""

    def __init__(self, node: Node, topic: str, joints: Sequence[str], expected: bool) -> None:
        """`topic`: where commands go, resolved; `joints`: the arm's; `expected`: somebody has to listen."""
        self._node, self._topic, self._wanted, self._expected = node, topic, list(joints), expected
        path, _, last = topic.rpartition("/")  # /left/arm_controller, joint_trajectory
        namespace, _, self.name = path.rpartition("/")
        self.services: Any = None  # of its manager, where they are installed
        self.tells_activity = False  # its manager says at every change which controllers are active
        self.on_states: Callable[[Mapping[str, str]], None] = lambda states: None  # labels by name, likewise
        self.namespace: str | None = None  # of the arm's controllers; None: a simulation without any
        self._by_name = last == _TRAJECTORY
        self._action = f"{path}/follow_joint_trajectory"
        self._goals: list[GoalStatus] = []
        self._joints: list[str] = []  # its own, in its order
        self._has_activity = False  # somebody tells at every change which controllers are active
        self._inactive = ""  # why it is
        self._was_inactive = ""  # since it was last asked, if only for a moment
        if last not in (_TRAJECTORY, _POSITIONS) or not expected:
            return
        self.namespace = namespace
        if self._by_name:
            profile = qos_profile_action_status_default
            node.create_subscription(GoalStatusArray, self._status, self._on_status, profile)
        self._asked: tuple[Client, Future] | None = None  # the newest question
        self._parameters = node.create_client(GetParameters, f"{path}/get_parameters")
        node.create_timer(_ASK_S, self._ask, clock=steady_clock())
        manager = f"{namespace}/controller_manager"
        self.services = optional(node, "controller_manager_msgs.srv", _WITHOUT)
        if self.services is None:
            return
        self._list = node.create_client(self.services.ListControllers, f"{manager}/list_controllers")
        messages: Any = import_module("controller_manager_msgs.msg")
        if hasattr(messages, "ControllerManagerActivity"):  # from Jazzy on
            self.tells_activity, kind = True, messages.ControllerManagerActivity
            node.create_subscription(kind, f"{manager}/activity", self._on_activity, qos.LATCHED)

    def trouble(self) -> str:
        """Return why it has not executed commands since the last call; empty: it has, or nobody tells."""
        trouble, self._was_inactive = self._inactive or self._was_inactive, ""
        return trouble

    def objection(self) -> str:
        """Return why the gate must not begin to command, in words; empty: it may."""
        if self._node.count_publishers(self._topic) > 1:
            return (
                "another publisher commands this arm: is a second stack up? "
                "Use another ROS_DOMAIN_ID or namespace"
            )
        if self._expected and self._node.count_subscribers(self._topic) == 0:
            return (
                f"nobody listens to {self._topic}: load and activate the arm's controller "
                "(ros2 control list_controllers shows it), and name it with controller:=NAME"
            )
        if self._goal_is_under_way():
            return f"a goal of {self._action} is under way: cancel it, or wait for its end"
        return self._inactive or other_order(self.name, self._joints, self._wanted, self._by_name)

    @property
    def _status(self) -> str:
        return f"{self._action}/_action/status"

    def _goal_is_under_way(self) -> bool:
        running = any(goal.status in UNDER_WAY for goal in self._goals)
        return running and self._node.count_publishers(self._status) > 0  # a dead server ends nothing

    def _on_status(self, msg: GoalStatusArray) -> None:
        self._goals = list(msg.status_list)

    def _on_activity(self, msg: Any) -> None:
        self._has_activity = True
        controllers = {controller.name: controller.state.label for controller in msg.controllers}
        self.on_states(controllers)
        hardware = {component.name: component.state.label for component in msg.hardware_components}
        self._note(inactive(self.name, controllers, hardware))

    def _note(self, trouble: str) -> None:
        self._inactive = trouble
        self._was_inactive = self._was_inactive or trouble

    def _ask(self) -> None:
        """Ask which joints it has, in which order, and whether it is active; it may be restarted."""
        if self.services is not None and self._list.service_is_ready():
            self._call(self._list, self.services.ListControllers.Request(), self._on_list)
            return
        if not self._parameters.service_is_ready():
            self._joints = []
            return
        self._call(self._parameters, GetParameters.Request(names=["joints"]), self._on_parameters)

    def _call(self, client: Client, request: Any, on_answer: Callable[[Future], None]) -> None:
        """Ask; what was asked before and was not answered is awaited no longer."""
        if self._asked is not None and not self._asked[1].done():
            self._asked[0].remove_pending_request(self._asked[1])
        asked = client.call_async(request)
        self._asked = client, asked
        asked.add_done_callback(on_answer)

    def _on_list(self, asked: Future) -> None:
        answer = asked.result()
        if answer is None:
            return
        states = {controller.name: controller.state for controller in answer.controller}
        own = [c.required_command_interfaces for c in answer.controller if c.name == self.name]
        self._joints = joint_order(own[0]) if own else []
        if not self._has_activity:  # as in Humble; else an answer might be older than what is known
            self._note(inactive(self.name, states, {}))

    def _on_parameters(self, asked: Future) -> None:
        answer = asked.result()
        self._joints = list(answer.values[0].string_array_value) if answer and answer.values else []
