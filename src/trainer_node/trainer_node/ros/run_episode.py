"""The action trainer/run_episode, and the services with which a person starts, judges and ends an episode."""

import math
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from drift_config.errors import DriftError
from drift_core.data.cutter import LabelCounter
from drift_core.episodes import EpisodeMeta, EpisodeWriter
from drift_core.task import TaskConfig
from drift_interfaces.action import Home, RunEpisode
from drift_interfaces.msg import GateState, Outcome, PolicyState, Step
from drift_interfaces.srv import ResetTask
from drift_ros import qos
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.goal_server import GoalServer
from rclpy.action import ActionClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from trainer_node.episode_runner import (
    Answer,
    Ask,
    EpisodeGoal,
    EpisodeRunner,
    EpisodeTiming,
    Error,
    Kind,
    Phase,
    Result,
    Seen,
)
from trainer_node.recorder import Recorder

_FEEDBACK_S = 0.2


class EpisodeServer:
    """Connect an EpisodeRunner with the gate, the simulation and the files. `tick` is called by a timer."""

    def __init__(
        self,
        node: Node,
        robot_name: str,
        task: TaskConfig,
        timing: EpisodeTiming,
        recorder: Recorder,
        labels: LabelCounter,
        files: ThreadPoolExecutor,
    ) -> None:
        self._node, self._robot_name, self._task, self._timing = node, robot_name, task, timing
        self._recorder, self._labels, self._files = recorder, labels, files
        self._runner: EpisodeRunner | None = None
        self._refuse = ""  # why no goal is accepted any more
        self._episode_id = ""
        self._ask_number = 0
        self._answer: Answer | None = None
        self._closing: ThreadFuture | None = None
        self._written: tuple[Path, int] | None = None  # path and labels of the episode just written
        self._outcome = Result.RUNNING
        self._recording_since_s = math.inf  # ROS time; outcomes from before it are of another episode
        self._cancel = False
        self._gate: GateState | None = None
        self._gate_arrival_s = 0.0
        self._policy: PolicyState | None = None
        self._feedback_due_s = 0.0
        node.create_subscription(GateState, "gate/state", self._on_gate_state, qos.LATCHED)
        node.create_subscription(Outcome, "task/outcome", self._on_outcome, qos.LATCHED)
        node.create_subscription(PolicyState, "policy/state", self._on_policy_state, qos.LATCHED)
        self._stop = node.create_client(Trigger, "gate/stop")
        self._arm = node.create_client(Trigger, "gate/arm")
        self._home = ActionClient(node, Home, "gate/home")
        self._reset = node.create_client(ResetTask, "sim/reset")
        for name, result in (("success", Result.SUCCESS), ("failure", Result.FAILURE)):
            node.create_service(Trigger, f"trainer/mark_{name}", partial(self._on_mark, result))
        node.create_service(Trigger, "trainer/start_episode", self._on_start)
        node.create_service(Trigger, "trainer/end_episode", self._on_end)
        self._own = ActionClient(node, RunEpisode, "trainer/run_episode")
        self._started = 0  # episodes that a person has started; their seeds count up
        self._server = GoalServer(node, RunEpisode, "trainer/run_episode", self._on_goal, self.cancel)

    @property
    def running(self) -> bool:
        """Whether an episode is under way."""
        return self._runner is not None

    @property
    def status(self) -> str:
        """The episode and its phase in words, empty while none runs."""
        return "" if self._runner is None else f"{self._episode_id}: {self._runner.phase.name.lower()}"

    def cancel(self) -> None:
        """End the running episode without keeping it."""
        self._cancel = True

    def refuse(self, reason: str) -> None:
        """Run no further episode."""
        self._refuse = reason

    def tick(self, control_rate_hz: float) -> None:
        """Move the running episode on."""
        if self._closing is not None and self._closing.done():
            self._take_written(self._closing)
        runner = self._runner
        if runner is None:
            return
        seen = self._seen()
        ask = runner.update(seen)
        if ask is not None:
            self._ask_number += 1
            self._answer = None
            self._do(ask, runner, partial(self._on_answer, self._ask_number))
        if runner.done:
            self._runner = None
            self._server.finish(self._result(runner))
        elif seen.now_s >= self._feedback_due_s:
            self._feedback_due_s = seen.now_s + _FEEDBACK_S
            self._server.feedback(self._feedback(runner, seen.now_s, control_rate_hz))

    def _on_goal(self, goal: RunEpisode.Goal) -> None:
        try:
            if self._refuse:
                raise ValueError(self._refuse)
            kind = Kind(goal.kind)
        except ValueError as error:
            refused = RunEpisode.Result(error_code=int(Error.CANCELLED), outcome=int(Result.FAILURE))
            refused.error_msg = str(error)
            self._server.finish(refused)
            return
        duration_s = goal.max_duration_s or self._task.max_duration_s
        self._episode_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{kind.name.lower()}-{uuid.uuid4().hex[:6]}"
        self._cancel, self._written, self._recording_since_s = False, None, math.inf
        self._recorder.forget_counts()
        self._runner = EpisodeRunner(EpisodeGoal(kind, goal.seed, duration_s), self._timing)

    def _on_gate_state(self, msg: GateState) -> None:
        self._gate, self._gate_arrival_s = msg, steady_s()

    def _on_policy_state(self, msg: PolicyState) -> None:
        self._policy = msg

    def _on_outcome(self, msg: Outcome) -> None:
        if self._runner is None or to_seconds(msg.header.stamp) < self._recording_since_s:
            return
        if msg.judged_by == Outcome.BY_PERSON or msg.seed == self._runner.goal.seed:
            self._outcome = Result(msg.result)

    def _on_mark(
        self, result: Result, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        response.success = self._runner is not None and self._runner.phase is Phase.RUNNING
        if response.success:
            self._outcome = result
        response.message = f"marked as {result.name.lower()}" if response.success else "no episode is running"
        return response

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Ask for an episode like any other client: with the policy where there is one."""
        response.success = self._own.server_is_ready() and not self._server.active
        response.message = "an episode is running already"
        if response.success:
            kind = Kind.INTERVENTION if self._policy_ready else Kind.DEMONSTRATION
            response.message = f"{kind.name.lower()} with seed {self._started}"
            self._own.send_goal_async(RunEpisode.Goal(kind=int(kind), seed=self._started))
            self._started += 1
        return response

    def _on_end(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._runner is not None
        response.message = (
            "ended without a verdict, not kept" if response.success else "no episode is running"
        )
        self.cancel()
        return response

    @property
    def _policy_ready(self) -> bool:
        policy, active = self._policy, (PolicyState.ACTIVE, PolicyState.WAITING)
        return policy is not None and policy.version > 0 and policy.state in active

    def _seen(self) -> Seen:
        gate, step, now_s = self._gate, self._recorder.newest_step, steady_s()
        return Seen(
            now_s=now_s,
            answer=self._answer,
            gate_age_s=None if gate is None else now_s - self._gate_arrival_s,
            armed=gate is not None and gate.armed,
            fault=gate is not None and gate.state == GateState.FAULT,
            gate_text="" if gate is None else gate.text,
            dry_run=gate is not None and gate.dry_run,
            policy_ready=self._policy_ready,
            simulated=self._reset.service_is_ready(),
            expert_drives=step is not None and step.source == Step.SOURCE_EXPERT,
            outcome=self._outcome,
            cancel=self._cancel,
        )

    def _do(self, ask: Ask, runner: EpisodeRunner, answer: Callable[[Answer], None]) -> None:
        match ask:
            case Ask.STOP:
                _call(self._stop, Trigger.Request(), answer)
            case Ask.ARM:
                _call(self._arm, Trigger.Request(), answer)
            case Ask.RESET:
                _call(self._reset, ResetTask.Request(seed=runner.goal.seed), answer)
            case Ask.HOME:
                self._home.send_goal_async(Home.Goal()).add_done_callback(partial(_on_home, answer))
            case Ask.PROMPT:
                text = "put the objects into place and arm; then mark success or failure"
                self._node.get_logger().warning(f"{self._episode_id}: {text}")
            case Ask.RECORD:
                answer(self._open(runner))
            case Ask.WRITE:
                outcome = "success" if runner.verdict.outcome is Result.SUCCESS else "failure"
                self._closing = self._files.submit(self._write, self._recorder.detach(), outcome)
            case Ask.DISCARD:
                self._recorder.abort()
                answer(Answer(True))

    def _on_answer(self, number: int, answer: Answer) -> None:
        if number == self._ask_number:  # otherwise it is the answer to a question that was given up
            self._answer = answer

    def _open(self, runner: EpisodeRunner) -> Answer:
        self._recording_since_s, self._outcome = ros_s(self._node.get_clock()), Result.RUNNING
        meta = EpisodeMeta(
            id=self._episode_id,
            robot=self._robot_name,
            task=self._task.name,
            seed=runner.goal.seed,
            kind=runner.goal.kind.name.lower(),
            cameras=self._task.camera_specs,
            dt_s=self._task.dt_s,
            started_s=self._recording_since_s,
        )
        try:
            self._recorder.open(meta)
        except OSError as error:
            return Answer(False, str(error))
        return Answer(True)

    def _write(self, writer: EpisodeWriter, outcome: str) -> tuple[Path, int]:
        path = writer.close(outcome)
        try:
            return path, self._labels.add(path.name)
        except DriftError as error:
            self._node.get_logger().error(f"episode {path.name} cannot be trained on: {error}")
            return path, 0

    def _take_written(self, closing: ThreadFuture) -> None:
        self._closing = None
        error = closing.exception()
        if error is None:
            self._written = closing.result()
        else:
            self._node.get_logger().error(f"episode {self._episode_id} was not written: {error}")
        self._answer = Answer(error is None, str(error or ""))

    def _result(self, runner: EpisodeRunner) -> RunEpisode.Result:
        verdict, counts = runner.verdict, self._recorder.counts
        if counts.missed_steps:
            self._node.get_logger().warning(
                f"{counts.missed_steps} control steps of {self._episode_id} never arrived"
            )
        result = RunEpisode.Result(
            error_code=int(verdict.error),
            error_msg=verdict.text,
            outcome=int(verdict.outcome),
            control_steps=counts.control_steps,
            late_steps=counts.late_steps,
            expert_steps=counts.expert_steps,
            interventions=len(counts.interventions),
            duration_s=verdict.duration_s,
        )
        if self._written is not None:
            path, result.expert_labels = self._written
            result.episode_id, result.path = path.name, str(path)
        return result

    def _feedback(self, runner: EpisodeRunner, now_s: float, control_rate_hz: float) -> RunEpisode.Feedback:
        step, counts = self._recorder.newest_step, self._recorder.counts
        return RunEpisode.Feedback(
            elapsed_s=runner.elapsed_s(now_s),
            source=Step.SOURCE_HOLD if step is None else step.source,
            interventions=len(counts.interventions),
            expert_steps=counts.expert_steps,
            policy_version=0 if self._policy is None else self._policy.version,
            control_rate_hz=control_rate_hz,
        )


def _call(client: Any, request: Any, answer: Callable[[Answer], None]) -> None:
    """Call a service; its response is the answer. No server: no answer, and the runner gives up in time."""
    client.call_async(request).add_done_callback(lambda future: answer(_to_answer(future.result())))


def _on_home(answer: Callable[[Answer], None], accepted: Any) -> None:
    handle = accepted.result()
    if handle.accepted:
        handle.get_result_async().add_done_callback(lambda done: answer(_to_answer(done.result().result)))
    else:
        answer(Answer(False, "the gate rejected the goal"))


def _to_answer(response: Any) -> Answer:
    if isinstance(response, Trigger.Response):
        return Answer(response.success, response.message)
    return Answer(response.error_code == 0, response.error_msg)
