"""Switches between the gate's controller and that of hand guiding, which is told to go on while it is to."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from drift_control.controller_switch import SwitchQuestion
from drift_control.inputs import GuideReport, SwitchAnswer
from drift_control.robot.config import RobotConfig
from drift_ros import qos
from drift_ros.acquaintance import Acquaintance
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.task import Future
from std_msgs.msg import Bool

from expert_gate_node.activity import ACTIVE
from expert_gate_node.hand_guiding import guide_report, way_of
from expert_gate_node.ros.controller import Controller
from expert_gate_node.ros.keeper import Keeper
from expert_gate_node.ros.switching import switch_request

_REPEAT_S = 0.1  # a tenth of the silence after which UR's controller ends the guiding
_UNHEARD = "the controller manager has not said which controllers are active"
_UNKNOWN = "the controller manager's switch_controller is not there"
_UNKEPT = "the process that takes the arm back if the gate dies is not ready"


class HandGuiding:
    """Ask the controller manager what the control loop asks, and hand on what it answers."""

    def __init__(
        self,
        node: Node,
        controller: Controller,
        robot: RobotConfig,
        answered: Callable[[SwitchAnswer], None],
    ) -> None:
        """Without a controller manager nothing is switched."""
        self._way, self._name, self._answered = way_of(robot), controller.name, answered
        self._states: Mapping[str, str] | None = None
        self._lapsed = False
        self._asked: SwitchQuestion | None = None
        self._request: Future | None = None
        self._enabled, self._enabled_s = False, 0.0
        self._enable: Publisher | None = None  # of the controller's own topic, where it has one
        self._keeper: Keeper | None = None  # where it has none, and would go on without the gate
        self._let_go = False  # since its way back was last seen
        if self._way is None or not controller.tells_activity:
            self._way = None
            return
        controller.on_states = self._on_states
        self._service = controller.services.SwitchController
        switch = f"{controller.namespace}/controller_manager/switch_controller"
        self._client = node.create_client(self._service, switch)
        self._manager = Acquaintance(node, switch, self._client.service_is_ready)
        if self._way.enable_topic:
            topic = f"{controller.namespace}/{self._way.controller}/{self._way.enable_topic}"
            self._enable = node.create_publisher(Bool, topic, qos.COMMAND)
        else:
            self._keeper = Keeper(controller.namespace or "", self._name, self._way.controller)

    def report(self) -> GuideReport | None:
        """Return what is known now; None: the arm cannot be guided by hand."""
        if self._way is None:
            return None
        if self._states is None:
            return GuideReport(False, False, _UNHEARD)
        lapsed, self._lapsed = self._lapsed, False
        report = guide_report(self._way, self._name, self._states, lapsed)
        objection = report.objection
        if not (self._client.service_is_ready() and self._manager.made):
            objection = objection or _UNKNOWN
        if self._keeper is not None and not self._keeper.ready:
            objection = objection or _UNKEPT
        return replace(report, objection=objection)

    def follow(self, question: SwitchQuestion | None, guided: bool, now_s: float) -> None:
        """Ask, if this is a new question, and say whether the arm is to be free; `now_s`: steady time."""
        due = guided != self._enabled or (guided and now_s - self._enabled_s >= _REPEAT_S)
        if self._way is not None and self._enable is not None and due:
            self._enable.publish(Bool(data=guided))
            self._enabled, self._enabled_s = guided, now_s
        if self._keeper is not None:
            self._tell(self._keeper, guided or question is not None, now_s)
        if question is not None and (self._asked is None or question.id != self._asked.id):
            self._ask(question)

    def close(self) -> None:
        """End what runs beside."""
        if self._keeper is not None:
            self._keeper.close()

    def give_up(self) -> None:
        """End the guiding: there is no control loop any more, nor one that waits for an answer."""
        if self._asked is not None and self._asked.guided:
            self.follow(SwitchQuestion(self._asked.id + 1, guided=False), guided=False, now_s=0.0)

    def _tell(self, keeper: Keeper, ours_no_more: bool, now_s: float) -> None:
        """Say whose the arm is; nothing where its way back was given up, so that the other process asks."""
        self._let_go |= ours_no_more
        answered = self._request is None or self._request.done()
        if not ours_no_more and answered and self._states is not None and self._way is not None:
            self._let_go &= self._states.get(self._way.controller) == ACTIVE
        if ours_no_more or not self._let_go:
            keeper.say(ours_no_more, now_s)

    def _ask(self, question: SwitchQuestion) -> None:
        if self._way is None:
            raise RuntimeError(f"nobody can be asked to switch controllers: {question}")
        if self._request is not None and not self._request.done():
            self._client.remove_pending_request(self._request)
        ours, theirs = [self._name], [self._way.controller]
        activated, deactivated = (theirs, ours) if question.guided else (ours, theirs)
        request = switch_request(self._service, activated, deactivated)
        self._asked = question
        self._request = self._client.call_async(request)
        self._request.add_done_callback(partial(self._on_answer, question.id))

    def _on_answer(self, question_id: int, future: Future) -> None:
        if future.cancelled() or (answer := future.result()) is None:
            return
        refusal = "" if answer.ok else answer.message or "the controller manager has refused it"
        self._answered(SwitchAnswer(question_id, refusal))

    def _on_states(self, states: Mapping[str, str]) -> None:
        self._states = states
        self._lapsed |= self._way is not None and states.get(self._way.controller) != ACTIVE
