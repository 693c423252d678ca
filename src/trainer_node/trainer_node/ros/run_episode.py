"""The action trainer/run_episode, and the services with which a person starts, judges and ends an episode."""

import math
import time
import uuid
from concurrent.futures import Future as ThreadFuture
from functools import partial
from pathlib import Path

from drift_config.errors import DriftError
from drift_core.data.cutter import EpisodeLabels, LabelCounter
from drift_core.episodes import BackgroundWriter, EpisodeMeta, Excerpts
from drift_core.task import TaskConfig
from drift_interfaces.action import RunEpisode
from drift_interfaces.msg import GateState, Outcome, PolicyState, Step
from drift_ros import qos
from drift_ros.clock import ros_s, steady_s, to_seconds
from drift_ros.errors import NumberError, error_name
from drift_ros.goal_server import GoalServer
from drift_ros.numbers import member
from drift_ros.request import StackRequest
from drift_ros.stack_client import StackClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from trainer_node.attempt import Attempt
from trainer_node.episode_id import new_episode_id
from trainer_node.episode_runner import (
    Ask,
    AskResult,
    EpisodeGoal,
    EpisodeOutcome,
    EpisodePhase,
    EpisodeRunner,
    EpisodeTiming,
    Error,
    GoalKind,
    Seen,
)
from trainer_node.jobs import Jobs
from trainer_node.recorder import Recorder
from trainer_node.ros.episode_bag import EpisodeBag

_FEEDBACK_S = 0.2
# What is said earlier is of another attempt, what happens later does not count.
_JUDGED_IN = (EpisodePhase.OPENING, EpisodePhase.LISTENING, EpisodePhase.ARMING, EpisodePhase.RUNNING)
_ASKED = (
    "gate/arm",
    "gate/stop",
    "gate/home",
    "gate/state",
    "policy/state",
    "sim/reset",
    "trainer/run_episode",
)


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
        excerpts: Excerpts,
        jobs: Jobs,
        bag: EpisodeBag | None,
    ) -> None:
        self._bag = bag  # recorded beside each episode
        self._node, self._robot_name, self._task, self._timing = node, robot_name, task, timing
        self._recorder, self._labels, self._jobs = recorder, labels, jobs
        self._excerpts = excerpts  # of episodes that are over there are none
        self._runner: EpisodeRunner | None = None
        self._refuse = ""  # why no goal is accepted any more
        self._episode_id = ""
        self._asked: StackRequest | None = None  # of the gate or the simulation
        self._answer: AskResult | None = None  # to what was asked of the files
        self._closing: ThreadFuture | None = None  # the files that are written or dropped
        self._written: tuple[Path, EpisodeLabels] | None = None  # of the episode just written
        self._attempt = Attempt()
        self._recording_since_s = math.inf  # ROS time; outcomes from before it are of another episode
        self._cancel = False
        self._feedback_due_s = 0.0
        node.create_subscription(Outcome, "task/outcome", self._on_outcome, qos.LATCHED)
        self._stack = StackClient(node, _ASKED)
        for name, result in (("success", EpisodeOutcome.SUCCESS), ("failure", EpisodeOutcome.FAILURE)):
            node.create_service(Trigger, f"trainer/mark_{name}", partial(self._on_mark, result))
        node.create_service(Trigger, "trainer/start_episode", self._on_start)
        node.create_service(Trigger, "trainer/end_episode", self._on_end)
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
            self._take_closed(self._closing)
        runner = self._runner
        if runner is None:
            return
        seen = self._seen()
        ask = runner.update(seen)
        if ask is not None:
            self._answer = None
            if self._asked is not None:
                self._asked.cancel()  # nobody waits for it any more
            self._asked = self._do(ask, runner)
        if runner.done:
            self._runner = None
            self._server.finish(self._result(runner))
        elif seen.now_s >= self._feedback_due_s:
            self._feedback_due_s = seen.now_s + _FEEDBACK_S
            self._server.feedback(self._feedback(runner, seen.now_s, control_rate_hz))

    def _on_goal(self, goal: RunEpisode.Goal) -> None:
        if self._refuse:
            self._server.finish(_refused(Error.CANCELLED, self._refuse))
            return
        try:
            kind = member(GoalKind, "kind", goal.kind)
            if not 0.0 <= goal.max_duration_s < math.inf:
                raise NumberError(
                    f"max_duration_s={goal.max_duration_s} must be finite, 0 (the task's) or more"
                )
        except NumberError as error:
            self._server.finish(_refused(Error.BAD_GOAL, str(error)))
            return
        duration_s = goal.max_duration_s or self._task.max_duration_s
        self._episode_id = new_episode_id(
            time.strftime("%Y%m%d-%H%M%S"),
            kind.name.lower(),
            self._excerpts.episodes.ids(),
            lambda: uuid.uuid4().hex[:6],
        )
        self._cancel, self._written, self._recording_since_s = False, None, math.inf
        self._asked = self._answer = None
        self._recorder.forget()
        self._runner = EpisodeRunner(EpisodeGoal(kind, goal.seed, duration_s), self._timing)

    def _on_outcome(self, msg: Outcome) -> None:
        runner = self._runner
        if runner is None or runner.phase not in _JUDGED_IN:
            return
        by_person = msg.judged_by == Outcome.BY_PERSON
        if to_seconds(msg.header.stamp) < self._recording_since_s:
            return
        if not by_person and msg.seed != runner.goal.seed:
            return
        try:
            outcome = member(EpisodeOutcome, "result", msg.result)
        except NumberError as error:
            self._node.get_logger().warning(f"task/outcome refused: {error}", throttle_duration_sec=1.0)
            return
        if not by_person:
            self._attempt.judge(outcome, msg.score)
        elif outcome is not EpisodeOutcome.RUNNING:
            self._attempt.mark(outcome)

    def _on_mark(
        self, result: EpisodeOutcome, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        response.success = self._runner is not None and self._runner.phase is EpisodePhase.RUNNING
        if response.success:
            self._attempt.mark(result)
        response.message = f"marked as {result.name.lower()}" if response.success else "no episode is running"
        return response

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Ask for an episode like any other client: with the policy where there is one."""
        response.success = not self._stack.missing("trainer/run_episode") and not self._server.active
        response.message = "an episode is running already"
        if response.success:
            kind = GoalKind.INTERVENTION if self._policy_ready else GoalKind.DEMONSTRATION
            response.message = f"{kind.name.lower()} with seed {self._started}"
            asked = self._stack.run_episode(int(kind), self._started, limit_s=math.inf)
            asked.add_done_callback(self._on_started_ended)
            self._started += 1
        return response

    def _on_started_ended(self, asked: StackRequest) -> None:
        """Say what became of an episode that a person has started: nobody else waits for its result."""
        if asked.error is not None:
            self._node.get_logger().warning(f"the episode was not run: {asked.error}")
            return
        result = asked.result()
        name, seconds = result.episode_id or "the episode", f"{result.duration_s:.1f} s"
        if result.error_code:
            self._node.get_logger().warning(
                f"{name}: {error_name(result)} after {seconds}: {result.error_msg}"
            )
            return
        verdict, why = EpisodeOutcome(result.outcome).name.lower(), result.error_msg
        labels = f"{result.expert_labels} expert labels"
        text = f"{name}: {verdict} after {seconds}, {labels}"
        self._node.get_logger().info(f"{text} ({why})" if why else text)

    def _on_end(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._runner is not None
        response.message = (
            "ended without a verdict, not kept" if response.success else "no episode is running"
        )
        self.cancel()
        return response

    @property
    def _policy_ready(self) -> bool:
        policy, active = self._stack.policy_state, (PolicyState.ACTIVE, PolicyState.WAITING)
        return policy is not None and policy.version > 0 and policy.state in active

    def _seen(self) -> Seen:
        gate, step, recorder = self._stack.gate_state, self._recorder.newest_step, self._recorder
        now_s, labels = steady_s(), None if self._written is None else self._written[1]
        return Seen(
            now_s=now_s,
            answer=self._answer if self._asked is None else _to_answer(self._asked),
            gate_age_s=self._stack.age_s("gate/state"),
            armed=gate is not None and gate.armed,
            fault=gate is not None and gate.state == GateState.FAULT,
            gate_text="" if gate is None else gate.text,
            dry_run=gate is not None and gate.dry_run,
            policy_ready=self._policy_ready,
            simulated=not self._stack.missing("sim/reset"),
            expert_drives=step is not None and step.source == Step.SOURCE_EXPERT,
            outcome=self._attempt.outcome,
            missing="; ".join(recorder.watch.missing(now_s)) if recorder.recording else "",
            trouble=recorder.trouble,
            no_labels=labels.remark or "no label" if labels is not None and not labels.count else "",
            cancel=self._cancel,
        )

    def _do(self, ask: Ask, runner: EpisodeRunner) -> StackRequest | None:
        """Do what the runner asks; what is asked of the gate or the simulation is returned."""
        stack, timing = self._stack, self._timing
        match ask:
            case Ask.STOP:
                return stack.stop(timing.service_timeout_s)
            case Ask.ARM:
                return stack.arm(timing.service_timeout_s)
            case Ask.RESET:
                return stack.reset_task(runner.goal.seed, timing.service_timeout_s)
            case Ask.HOME:
                return stack.home(timing.home_timeout_s)
            case Ask.PROMPT:
                text = "put the objects into place and arm; then mark success or failure"
                self._node.get_logger().warning(f"{self._episode_id}: {text}")
            case Ask.RECORD:
                self._answer = self._open(runner)
            case Ask.WRITE:
                outcome = "success" if runner.verdict.outcome is EpisodeOutcome.SUCCESS else "failure"
                score = self._attempt.score(runner.verdict.outcome)
                self._closing = self._jobs.ask(partial(self._write, self._recorder.detach(), outcome, score))
                if self._bag is not None:
                    self._bag.end(outcome)
            case Ask.DISCARD:
                if self._bag is not None:
                    self._bag.drop()
                writer = self._recorder.detach() if self._recorder.recording else None
                self._closing = self._jobs.ask(partial(self._discard, writer))
        return None

    def _open(self, runner: EpisodeRunner) -> AskResult:
        self._recording_since_s, self._attempt = ros_s(self._node.get_clock()), Attempt()
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
            self._recorder.open(meta, steady_s())
        except (OSError, DriftError) as error:
            return AskResult(False, str(error))
        if self._bag is not None:
            self._bag.begin(meta)
        return AskResult(True)

    def _discard(self, writer: BackgroundWriter | None) -> None:
        if writer is not None:
            writer.abort()
        self._clean_excerpts()

    def _write(
        self, writer: BackgroundWriter, outcome: str, score: float | None
    ) -> tuple[Path, EpisodeLabels]:
        path = writer.close(outcome, score)
        self._clean_excerpts()
        try:
            labels = self._labels.add(path.name)
        except DriftError as error:
            labels = EpisodeLabels(0, 0, f"cannot be trained on: {error}")
        if labels.remark:
            self._node.get_logger().warning(f"episode {path.name}: {labels.remark}")
        return path, labels

    def _clean_excerpts(self) -> None:
        try:
            self._excerpts.clean()
        except (OSError, DriftError) as error:
            self._node.get_logger().warning(f"excerpts of past episodes cannot be deleted: {error}")

    def _take_closed(self, closing: ThreadFuture) -> None:
        self._closing = None
        error = closing.exception()
        if error is None:
            self._written, self._answer = closing.result(), AskResult(True)
            return
        self._node.get_logger().error(f"files of episode {self._episode_id}: {error}")
        self._answer = AskResult(False, f"the files of the episode: {error}")

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
            path, labels = self._written
            result.expert_labels = labels.count
            result.episode_id, result.path = path.name, str(path)
        return result

    def _feedback(self, runner: EpisodeRunner, now_s: float, control_rate_hz: float) -> RunEpisode.Feedback:
        step, counts, policy = self._recorder.newest_step, self._recorder.counts, self._stack.policy_state
        rates_hz = self._recorder.watch.rates_hz(now_s)
        return RunEpisode.Feedback(
            elapsed_s=runner.elapsed_s(now_s),
            source=Step.SOURCE_HOLD if step is None else step.source,
            interventions=len(counts.interventions),
            expert_steps=counts.expert_steps,
            policy_version=0 if policy is None else policy.version,
            control_rate_hz=control_rate_hz,
            inputs=list(rates_hz),
            input_rates_hz=list(rates_hz.values()),
        )


def _refused(error: Error, text: str) -> RunEpisode.Result:
    return RunEpisode.Result(error_code=int(error), error_msg=text, outcome=int(EpisodeOutcome.FAILURE))


def _to_answer(asked: StackRequest) -> AskResult | None:
    if not asked.done:
        return None
    return AskResult(True) if asked.error is None else AskResult(False, asked.error.reason)
