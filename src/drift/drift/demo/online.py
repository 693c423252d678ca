"""The online half of the demo: corrected episodes over real DDS while the trainer trains beside them."""

import os
from collections.abc import Callable
from typing import Any

from drift_ros.clock import steady_s, to_seconds
from drift_ros.errors import error_name
from drift_ros.session import SessionClient
from drift_ros.stack_client import RunEpisode, Train

from drift.console_address import with_address
from drift.correction_watch import CorrectionWatch
from drift.demo.plan import DemoPlan
from drift.demo.record import DemoRecord, EpisodeRow, Swap, TrainingPoint
from drift.demo.rollouts import ATTEMPTS, roll_out
from drift.errors import StackError
from drift.evaluation import seeds
from drift.processes.supervisor import ProcessSupervisor
from drift.ros_command import processes
from drift.run_folder import RunFolder
from drift.session_loop import SUCCESS, SessionLoop, SessionWatcher, TrainMode, TrainWhen, run_session
from drift.session_view import SessionView, held_out
from drift.shared_memory import prepare, remove_dead
from drift.stack import stack
from drift.stack_arguments import StackArguments

_TRAIN_WHEN = {TrainMode.ROUNDS: TrainWhen.AFTER_ROUND, TrainMode.CONTINUOUS: TrainWhen.CONTINUOUSLY}
_TRAIN_SILENCE_S = 600.0  # without a gradient step, once no episode runs beside the training any more
_SWAP_LIMIT_S = 20.0  # from the end of training until the policy node runs the checkpoint


class CorrectedEpisodes(SessionWatcher):
    """Drive a running stack through the corrected episodes, train beside them, and write it all down."""

    def __init__(
        self,
        client: SessionClient,
        plan: DemoPlan,
        record: DemoRecord,
        view: SessionView,
        log: Callable[[str], None],
    ) -> None:
        self._client, self._plan, self._record, self._view, self._log = client, plan, record, view, log
        self._steps_before = record.training[-1].step if record.training else 0
        self._known_version = 0
        self._corrections: CorrectionWatch | None = None  # once the policy runs
        self._began_s = 0.0

    def run(self) -> None:
        """Run them; training goes on beside them, on each correction as soon as it is over, or in rounds.

        The nodes answer already, and the policy runs.
        """
        self._known_version = self._version()
        self._corrections = CorrectionWatch(self._client)
        self._began_s = steady_s()
        when = _TRAIN_WHEN[self._plan.train_mode]
        loop = SessionLoop(
            self._client.stack,
            self,
            RunEpisode.Goal.INTERVENTION,
            self._plan.corrected,
            when,
            attempts=ATTEMPTS,
            training_silence_s=_TRAIN_SILENCE_S,
        )
        run_session(self._client, loop, steady_s)
        latest = self._client.checkpoint
        self._client.wait_until(
            lambda: latest is None or self._version() >= latest.version, _SWAP_LIMIT_S, "the last swap"
        )
        self._look_at_policy()
        for line in self._corrections.closing_words():
            self._log(line)
        self._note_corrections(self._corrections)

    def evaluate(self) -> list[bool]:
        """Run the last checkpoint on the first evaluation seeds; a take-over counts as failure."""
        show, wanted = self._view.show_episode, seeds(self._plan.dds_evaluations)
        rollouts = roll_out(self._client, wanted, self._log, show, self._plan.takeovers)
        return [rollout.success for rollout in rollouts]

    def on_episode_progress(self, feedback: Any) -> None:
        """Show who drives, and which corrections do."""
        self._view.show_episode(feedback)
        self._look_at_policy()
        if self._corrections is not None:
            for line in self._corrections.look(feedback):
                self._log(line)
            self._view.corrections = self._corrections.summary()

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """Write a row of the record."""
        self._look_at_policy()
        if self._corrections is not None:
            self._note_corrections(self._corrections)
        row = EpisodeRow(
            episode_id=result.episode_id,
            seed=seed,
            success=result.outcome == SUCCESS,
            interventions=result.interventions,
            expert_steps=result.expert_steps,
            control_steps=result.control_steps,
            late_steps=result.late_steps,
            expert_labels=result.expert_labels,
            policy_version=self._version(),
            duration_s=result.duration_s,
            ended_s=steady_s() - self._began_s,
        )
        self._record.episodes.append(row)
        self._view.count_episode(result)
        word = "success" if row.success else "failure"
        self._log(
            f"seed {seed}, version {row.policy_version}: {word} in {row.duration_s:.1f} s,"
            f" {row.interventions} take-overs, {row.expert_labels} labels, {row.late_steps} late ticks"
        )

    def on_fault(self, text: str) -> None:
        """Say what will be tried again."""
        self._log(text)

    def on_training_progress(self, round_number: int, feedback: Any) -> None:
        """Write a point of the training curve."""
        self._view.show_training(feedback)
        self._record.training.append(
            TrainingPoint(
                phase="corrections",
                step=self._steps_before + feedback.step,
                loss=feedback.loss,
                rank=feedback.rank,
                effective_rank=feedback.effective_rank,
                steps_per_s=feedback.steps_per_s,
            )
        )
        self._look_at_policy()

    def on_training(self, round_number: int, result: Any) -> None:
        """Say what it made, if anything; a training that fails ends the demo."""
        self._view.training = ""
        if result.error_code == Train.Result.CANCELLED:
            return self._log(f"trainer: no further version, {result.error_msg}")
        if result.error_code:
            raise StackError(f"training: {error_name(result)}: {result.error_msg}")
        self._steps_before = self._record.training[-1].step if self._record.training else 0
        self._log(f"trainer: version {result.version}, {held_out(result.loss)}, rank {result.rank:.1%}")

    def _note_corrections(self, watch: CorrectionWatch) -> None:
        self._record.corrections, self._record.corrections_in_short = watch.log.rows, watch.in_short()

    def _look_at_policy(self) -> None:
        state = self._client.policy_state
        if state is None:
            return
        self._view.policy_version = state.version
        if state.version > self._known_version > 0:
            self._known_version = state.version
            self._record.swaps.append(Swap(state.version, to_seconds(state.header.stamp)))
            self._log(f"the policy node swapped in version {state.version}")

    def _version(self) -> int:
        state = self._client.policy_state
        return 0 if state is None else int(state.version)


def keep_to_this_machine() -> None:
    """One machine, one run: other ROS programs on the network neither see it nor disturb it."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def start_stack(
    robot: str, task: str, train: str, run: RunFolder, on_line: Callable[[str, str], None]
) -> ProcessSupervisor:
    """Return the supervised processes of the same node list as the launch file, not started yet.

    `robot`, `task` and `train` are files of config/.
    """
    arguments = StackArguments(robot=robot, task=task, train=train, run=str(run.path))
    specs = processes(stack(arguments))
    for line in prepare(len(specs)):
        on_line("drift", line)
    on_line = with_address(on_line, run.path)
    return ProcessSupervisor(specs, run.create().logs, on_line=on_line, tidy=remove_dead)
