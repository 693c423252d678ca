"""Ask the controller manager, the controller and the graph about the one that takes the commands."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from action_msgs.msg import GoalStatusArray
from drift_ros import qos
from expert_gate_node.ros.controller import UNDER_WAY
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import qos_profile_action_status_default

from drift.doctor.finding import Finding
from drift.doctor.robot import commands, controller
from drift.doctor.robot.wanted import Wanted
from drift.ros.robot.graph import Question, publishers


class ControllerProbe:
    """There, active, of the right kind; its joints, its parameters, and who else commands it."""

    def __init__(self, node: Node, wanted: Wanted, limit_s: float) -> None:
        self._node, self._wanted, self._limit_s = node, wanted, limit_s
        self._path = wanted.topic.rpartition("/")[0]
        self._can_ask = find_spec("controller_manager_msgs") is not None
        self._hardware: dict[str, str] = {}
        self._goals = 0
        self._names = Question(
            node, ListParameters, f"{self._path}/list_parameters", ListParameters.Request()
        )
        self._values: Question | None = None
        self._list: Question | None = None
        self._status = f"{self._path}/follow_joint_trajectory/_action/status"
        node.create_subscription(
            GoalStatusArray, self._status, self._on_status, qos_profile_action_status_default
        )
        if self._can_ask:
            self._ask_the_manager(f"{wanted.driver_namespace}/controller_manager")

    def look(self) -> None:
        """Go on asking."""
        for question in (self._list, self._names, self._values):
            if question is not None:
                question.look()
        if self._values is None and self._names.answer is not None:
            names = [
                name
                for name in self._names.answer.result.names
                if name in controller.PARAMETERS or name.startswith("constraints.")
            ]
            request = GetParameters.Request(names=names)
            self._values = Question(self._node, GetParameters, f"{self._path}/get_parameters", request)

    def heard(self) -> controller.Heard:
        """Return what there is to judge."""
        listening = self._node.get_subscriptions_info_by_topic(self._wanted.topic)
        return controller.Heard(
            self._limit_s,
            self._listed(),
            self._hardware,
            self._can_ask,
            [info.topic_type for info in listening],
            self._parameters(),
        )

    def findings(self) -> list[tuple[str, Finding | None]]:
        """Return the rows about it."""
        heard, wanted = self.heard(), self._wanted
        commanders = publishers(self._node, wanted.topic)
        goals = self._goals if self._node.count_publishers(self._status) else 0
        return [
            ("controller", controller.presence(wanted, heard)),
            ("controller type", controller.kind(wanted, heard)),
            ("joint order", controller.joints(wanted, heard)),
            ("parameters", controller.parameters(wanted, heard)),
            ("hand guiding", controller.hand_guiding(wanted, heard)),
            ("who commands", commands.commanders(wanted, commanders, goals)),
        ]

    def _ask_the_manager(self, manager: str) -> None:
        services: Any = import_module("controller_manager_msgs.srv")
        messages: Any = import_module("controller_manager_msgs.msg")
        request = services.ListControllers.Request()
        self._list = Question(self._node, services.ListControllers, f"{manager}/list_controllers", request)
        if hasattr(messages, "ControllerManagerActivity"):  # from Jazzy on
            kind = messages.ControllerManagerActivity
            self._node.create_subscription(kind, f"{manager}/activity", self._on_activity, qos.LATCHED)

    def _listed(self) -> dict[str, controller.Listed] | None:
        if self._list is None or self._list.answer is None:
            return None
        return {
            item.name: controller.Listed(item.state, item.type, tuple(item.required_command_interfaces))
            for item in self._list.answer.controller
        }

    def _parameters(self) -> dict[str, object] | None:
        if self._values is None or self._values.answer is None:
            return None
        values = map(parameter_value_to_python, self._values.answer.values)
        return dict(zip(self._values.request.names, values, strict=False))  # those of humble may be fewer

    def _on_activity(self, msg: Any) -> None:
        self._hardware = {part.name: part.state.label for part in msg.hardware_components}

    def _on_status(self, msg: GoalStatusArray) -> None:
        self._goals = sum(goal.status in UNDER_WAY for goal in msg.status_list)
