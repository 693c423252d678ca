"""The controller at the other end of `command`, as far as the graph tells."""

from collections.abc import Sequence

from action_msgs.msg import GoalStatus, GoalStatusArray
from drift_ros import qos
from drift_ros.clock import steady_clock
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.qos import qos_profile_action_status_default
from rclpy.task import Future

from expert_gate_node.activity import inactive, other_order

try:  # of ros2_control; where it is not installed nobody can tell whether a controller is active
    from controller_manager_msgs.msg import ControllerManagerActivity
except ImportError:
    ControllerManagerActivity = None

_UNDER_WAY = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)
_TRAJECTORY, _POSITIONS = "joint_trajectory", "commands"  # the topics of the controllers
_ASK_S = 1.0  # between two questions for its parameters


class Controller:
    """Say why it must not be told anything: nobody listens, it is inactive, or others tell it what to do."""

    def __init__(self, node: Node, topic: str, joints: Sequence[str], expected: bool) -> None:
        """`topic`: where commands go, resolved; `joints`: the arm's; `expected`: somebody has to listen."""
        self._node, self._topic, self._wanted, self._expected = node, topic, list(joints), expected
        path, _, last = topic.rpartition("/")  # /left/arm_controller, joint_trajectory
        namespace, _, self._name = path.rpartition("/")
        self._by_name = last == _TRAJECTORY
        self._action = f"{path}/follow_joint_trajectory"
        self._goals: list[GoalStatus] = []
        self._joints: list[str] = []  # its parameter
        self._inactive = ""  # why it is
        self._was_inactive = ""  # since it was last asked, if only for a moment
        if last not in (_TRAJECTORY, _POSITIONS) or not expected:
            return  # a simulation that has no controllers
        if self._by_name:
            profile = qos_profile_action_status_default
            node.create_subscription(GoalStatusArray, self._status, self._on_status, profile)
        self._parameters = node.create_client(GetParameters, f"{path}/get_parameters")
        node.create_timer(_ASK_S, self._ask, clock=steady_clock())
        if ControllerManagerActivity is not None:
            activity = f"{namespace}/controller_manager/activity"
            node.create_subscription(ControllerManagerActivity, activity, self._on_activity, qos.LATCHED)

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
        return self._inactive or other_order(self._name, self._joints, self._wanted, self._by_name)

    @property
    def _status(self) -> str:
        return f"{self._action}/_action/status"

    def _goal_is_under_way(self) -> bool:
        running = any(goal.status in _UNDER_WAY for goal in self._goals)
        return running and self._node.count_publishers(self._status) > 0  # a dead server ends nothing

    def _on_status(self, msg: GoalStatusArray) -> None:
        self._goals = list(msg.status_list)

    def _on_activity(self, msg: "ControllerManagerActivity") -> None:
        controllers = {controller.name: controller.state.label for controller in msg.controllers}
        hardware = {component.name: component.state.label for component in msg.hardware_components}
        self._inactive = inactive(self._name, controllers, hardware)
        self._was_inactive = self._was_inactive or self._inactive

    def _ask(self) -> None:
        """Ask which joints it has, in which order; it may be restarted with others."""
        if not self._parameters.service_is_ready():
            self._joints = []
            return
        asked = self._parameters.call_async(GetParameters.Request(names=["joints"]))
        asked.add_done_callback(self._on_parameters)

    def _on_parameters(self, asked: Future) -> None:
        answer = asked.result()
        self._joints = list(answer.values[0].string_array_value) if answer and answer.values else []
