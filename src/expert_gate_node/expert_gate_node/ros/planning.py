"""Questions to the planner: asked when the control loop has one, answered whenever; nothing waits for it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from drift_control.inputs import ChunkVerdict, PlanAnswer
from drift_control.sources.homing import PlanQuestion
from drift_interfaces.msg import ActionChunk
from drift_interfaces.srv import Check, Plan
from drift_ros.acquaintance import Acquaintance
from drift_ros.target_message import put_target
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

NO_PLANNER = "no planner is up: start the stack with planner:=ompl"


class PlannerClient:
    """Ask `planner/plan` for ways, and `planner/check` about chunks, one of each at a time."""

    def __init__(
        self,
        node: Node,
        put_plan: Callable[[PlanAnswer], None],
        put_verdict: Callable[[ChunkVerdict], None],
        check_limit_s: float,
    ) -> None:
        """`check_limit_s`: the longest that a check of a chunk may take to be of use."""
        self._plan = node.create_client(Plan, "planner/plan")
        self._check = node.create_client(Check, "planner/check")
        self._planner = Acquaintance(node, "planner/plan", self._plan.service_is_ready)
        self._checker = Acquaintance(node, "planner/check", self._check.service_is_ready)
        self._put_plan, self._put_verdict = put_plan, put_verdict
        self._check_limit_s = check_limit_s
        self._asked_id = 0
        self._planning: Future | None = None
        self._checking: Future | None = None
        self._check_began_s = 0.0
        self.checked = self.unchecked = 0  # chunks

    def ask(self, question: PlanQuestion | None) -> None:
        """Ask for a way if this is a new question; None: no answer is awaited any more.

        A planner that does not know this client yet is asked by one of the next calls.
        """
        if question is None:
            self._planning = _forget(self._plan, self._planning)
        elif question.id != self._asked_id:
            there = self._plan.service_is_ready()
            if there and not self._planner.made:
                return
            self._asked_id = question.id
            self._planning = _forget(self._plan, self._planning)
            if not there:
                self._put_plan(PlanAnswer(question.id, None, NO_PLANNER))
                return
            request = Plan.Request(start_rad=question.start.tolist(), limit_s=question.limit_s)
            self._planning = self._plan.call_async(put_target(request, question.target))
            self._planning.add_done_callback(partial(self._on_plan, question.id))

    def check(self, chunk: ActionChunk, start: Sequence[float], now_s: float) -> None:
        """Have a chunk looked at; one that comes meanwhile stays unchecked. `now_s`: steady."""
        if self._checking is not None and now_s - self._check_began_s > self._check_limit_s:
            self._checking = _forget(self._check, self._checking)
            self.unchecked += 1
        if self._checking is not None or not self._checker.made:
            self.unchecked += 1
            return
        request = Check.Request(chunk=[chunk], start_rad=list(start), limit_s=self._check_limit_s)
        self._check_began_s = now_s
        self._checking = self._check.call_async(request)
        self._checking.add_done_callback(partial(self._on_check, chunk.id, chunk.epoch))

    def _on_plan(self, question_id: int, future: Future) -> None:
        if (answer := _result(future)) is None:
            return
        if answer.error_code:
            self._put_plan(PlanAnswer(question_id, None, answer.error_msg))
            return
        rows = [list(point.positions) for point in answer.trajectory.points]
        if len({len(row) for row in rows}) > 1:
            self._put_plan(
                PlanAnswer(question_id, None, "the planner's points have different numbers of joints")
            )
            return
        self._put_plan(PlanAnswer(question_id, np.array(rows)))

    def _on_check(self, chunk_id: int, epoch: int, future: Future) -> None:
        if future is self._checking:
            self._checking = None
        if (answer := _result(future)) is None:
            return
        if answer.error_code:
            self.unchecked += 1
            return
        self.checked += 1
        text = f"step {answer.index} of chunk {chunk_id}: {answer.text}"
        self._put_verdict(ChunkVerdict(chunk_id, epoch, "" if answer.free else text))


def _forget(client: Client, future: Future | None) -> None:
    """Await no answer any more."""
    if future is not None and not future.done():
        client.remove_pending_request(future)


def _result(future: Future) -> Any:
    return None if future.cancelled() else future.result()
