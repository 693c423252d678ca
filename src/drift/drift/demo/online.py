"""The online half of the demo: corrected episodes over real DDS while the trainer trains beside them."""

import os
from collections.abc import Callable
from typing import Any

from drift_ros.session import RunEpisode, Running, SessionClient, Train, error_name

from drift.demo.plan import Plan
from drift.demo.record import DemoRecord, EpisodeRow, Swap, TrainingPoint
from drift.errors import StackError
from drift.evaluation import seeds
from drift.processes.supervisor import Supervisor
from drift.ros_command import processes
from drift.run_folder import RunFolder
from drift.session_view import SessionView
from drift.stack import stack
from drift.stack_arguments import StackArguments

_START_LIMIT_S = 60.0  # for all servers, and for the policy to be active
_TRAIN_LIMIT_S = 600.0  # for one round, once no episode runs beside it any more
_SWAP_LIMIT_S = 20.0  # from the end of training until the policy node runs the checkpoint
_ATTEMPTS = 3  # to run one episode
_SUCCESS = 1  # Outcome.SUCCESS


class OnlineRounds:
    """Drive a running stack through the rounds and write down what happens."""

    def __init__(
        self,
        client: SessionClient,
        plan: Plan,
        record: DemoRecord,
        view: SessionView,
        log: Callable[[str], None],
    ) -> None:
        self._client, self._plan, self._record, self._view, self._log = client, plan, record, view, log
        self._round = 0  # whose episodes are running
        self._training: Running | None = None
        self._trained_round = 0  # whose episodes are being trained on
        self._steps_before = record.training[-1].step if record.training else 0
        self._known_version = 0

    def run(self) -> None:
        """Run all rounds; the training on a round's episodes goes on while the next round's episodes run."""
        self._client.wait_for_servers(limit_s=_START_LIMIT_S)
        self._client.wait_until(
            lambda: self._version() > 0, _START_LIMIT_S, "the policy node to run a checkpoint"
        )
        self._known_version = self._version()
        for number in range(1, self._plan.rounds + 1):
            self._round = number
            for episode in range(self._plan.episodes):
                self._corrected_episode(
                    self._plan.first_corrected + (number - 1) * self._plan.episodes + episode
                )
            self._finish_training()
            self._start_training(number)
        self._finish_training()
        latest = self._client.checkpoint
        self._client.wait_until(
            lambda: latest is None or self._version() >= latest.version, _SWAP_LIMIT_S, "the last swap"
        )
        self._look_around()

    def evaluate(self) -> list[bool]:
        """Run the last checkpoint on the first evaluation seeds; a take-over counts as failure."""
        outcomes = []
        for seed in seeds(self._plan.dds_evaluations):
            result = self._episode(RunEpisode.Goal.EVALUATION, seed)
            outcomes.append(result.outcome == _SUCCESS)
            word = "success" if outcomes[-1] else "failure or take-over"
            self._log(f"evaluation over DDS, seed {seed}: {word}")
        return outcomes

    def _corrected_episode(self, seed: int) -> None:
        result = self._episode(RunEpisode.Goal.INTERVENTION, seed)
        row = EpisodeRow(
            round=self._round,
            episode_id=result.episode_id,
            seed=seed,
            success=result.outcome == _SUCCESS,
            interventions=result.interventions,
            expert_steps=result.expert_steps,
            control_steps=result.control_steps,
            late_steps=result.late_steps,
            expert_labels=result.expert_labels,
            policy_version=self._version(),
            duration_s=result.duration_s,
        )
        self._record.episodes.append(row)
        self._view.done += 1
        self._view.successes += row.success
        self._view.expert_labels += row.expert_labels
        word = "success" if row.success else "failure"
        self._log(
            f"round {row.round}, seed {seed}, version {row.policy_version}: {word} in {row.duration_s:.1f} s,"
            f" {row.interventions} take-overs, {row.expert_labels} labels, {row.late_steps} late ticks"
        )

    def _episode(self, kind: int, seed: int) -> Any:
        """Run one episode; one that a fault kept from running is tried again, because the gate recovers."""
        for attempt in range(1, _ATTEMPTS + 1):
            result = self._client.run_episode(kind, seed, on_feedback=self._on_episode)
            if not result.error_code:
                return result
            fault = f"episode with seed {seed}: {error_name(result)}: {result.error_msg}"
            self._log(f"{fault} (attempt {attempt} of {_ATTEMPTS})")
        raise StackError(fault)

    def _on_episode(self, feedback: Any) -> None:
        view = self._view
        view.elapsed_s, view.source = feedback.elapsed_s, feedback.source
        view.interventions, view.control_rate_hz = feedback.interventions, feedback.control_rate_hz
        self._look_around()

    def _look_around(self) -> None:
        """Take in what has changed beside the episode: training progress, a swapped policy."""
        if self._training is not None and self._training.poll():
            self._end_training()
        state = self._client.policy_state
        if state is None:
            return
        self._view.policy_version = state.version
        if state.version > self._known_version > 0:
            self._known_version = state.version
            stamp_s = state.header.stamp.sec + 1e-9 * state.header.stamp.nanosec
            self._record.swaps.append(Swap(state.version, stamp_s))
            self._log(f"the policy node swapped in version {state.version}")

    def _start_training(self, number: int) -> None:
        self._trained_round = number
        self._training = self._client.start_train(Train.Goal.ONLINE, on_feedback=self._on_training)

    def _on_training(self, feedback: Any) -> None:
        self._view.loss, self._view.rank = feedback.loss, feedback.rank
        self._view.training = f"step {feedback.step} of {feedback.total_steps}, {feedback.eta_s:.0f} s to go"
        self._record.training.append(
            TrainingPoint(
                phase=f"online round {self._trained_round}",
                step=self._steps_before + feedback.step,
                loss=feedback.loss,
                rank=feedback.rank,
                effective_rank=feedback.effective_rank,
                steps_per_s=feedback.steps_per_s,
            )
        )

    def _finish_training(self) -> None:
        if self._training is not None:
            self._client.wait_until(
                lambda: self._training is None or self._poll(), _TRAIN_LIMIT_S, "the training round to end"
            )

    def _poll(self) -> bool:
        self._look_around()
        return self._training is None

    def _end_training(self) -> None:
        if self._training is None:
            return
        result, self._training = self._training.result(limit_s=5.0), None
        self._view.training = ""
        if result.error_code:
            raise StackError(
                f"training round {self._trained_round}: {error_name(result)}: {result.error_msg}"
            )
        self._steps_before = self._record.training[-1].step if self._record.training else 0
        self._log(f"trainer: version {result.version}, loss {result.loss:.4f}, rank {result.rank:.0%}")

    def _version(self) -> int:
        state = self._client.policy_state
        return 0 if state is None else int(state.version)


def start_stack(plan: Plan, run: RunFolder, on_line: Callable[[str, str], None]) -> Supervisor:
    """Return the supervised processes of the same node list as the launch file, not started yet."""
    arguments = StackArguments(robot=plan.robot, task=plan.task, train=plan.train, run=str(run.path))
    # One machine, one run: other ROS programs on the network neither see it nor disturb it.
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    return Supervisor(processes(stack(arguments)), run.create().logs, on_line=on_line)
