"""Rollouts of a policy by the nodes of a running stack, in real time."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from drift_ros.clock import steady_s
from drift_ros.session import SessionClient
from drift_ros.stack_client import RunEpisode

from drift.passive_expert import passive_expert
from drift.processes.supervisor import ProcessSupervisor
from drift.session_loop import SUCCESS, SessionLoop, SessionWatcher, TrainWhen, run_session

START_LIMIT_S = 60.0  # for all servers, and for the policy to be active
ATTEMPTS = 3  # to run one episode: the gate recovers from what kept it from running


@dataclass(frozen=True)
class NodeRollout:
    """One episode driven by the policy alone."""

    seed: int
    success: bool  # without a take-over
    duration_s: float
    control_steps: int
    late_steps: int  # of them, more than a period late


def wait_for_nodes(stack: ProcessSupervisor, client: SessionClient) -> None:
    """Return once every node answers and the policy runs; StackError or SessionError where that takes too
    long."""
    stack.wait_until(lambda: _answers(client), "the trainer to answer", START_LIMIT_S, about=("trainer",))
    client.wait_for_servers(limit_s=START_LIMIT_S)
    client.wait_until(
        lambda: client.policy_state is not None and client.policy_state.version > 0,
        START_LIMIT_S,
        "the policy node to run a checkpoint",
    )


def roll_out(
    client: SessionClient,
    seeds: Sequence[int],
    log: Callable[[str], None],
    on_progress: Callable[[Any], None] = lambda feedback: None,
    takeovers: bool = False,
) -> list[NodeRollout]:
    """Run the newest checkpoint once per seed; a take-over, where there may be any, counts as failure.

    `on_progress` is told feedback of RunEpisode.action. StackError and SessionError as of a session.
    """
    watcher = _Rollouts(log, on_progress)
    kind, rounds = RunEpisode.Goal.EVALUATION, [list(seeds)]
    loop = SessionLoop(client.stack, watcher, kind, rounds, TrainWhen.NEVER, attempts=ATTEMPTS)
    with nullcontext() if takeovers else passive_expert(client):
        run_session(client, loop, steady_s)
    return watcher.done


class _Rollouts(SessionWatcher):
    """Collects what came of each seed."""

    def __init__(self, log: Callable[[str], None], on_progress: Callable[[Any], None]) -> None:
        self.done: list[NodeRollout] = []
        self._log, self._on_progress = log, on_progress

    def on_episode_progress(self, feedback: Any) -> None:
        """Show who drives."""
        self._on_progress(feedback)

    def on_fault(self, text: str) -> None:
        """Say what will be tried again."""
        self._log(text)

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """Say what came of a seed."""
        success = result.outcome == SUCCESS
        self.done.append(
            NodeRollout(seed, success, result.duration_s, result.control_steps, result.late_steps)
        )
        self._log(f"evaluation over DDS, seed {seed}: {'success' if success else 'failure or take-over'}")


def _answers(client: SessionClient) -> bool:
    client.spin(0.05)
    return client.gate_state is not None and client.policy_state is not None
