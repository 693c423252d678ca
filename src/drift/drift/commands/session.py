"""`drift session`: run episodes on a running stack, and train beside them."""

import time
from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from drift.errors import StackError
from drift.session_view import SessionView

if TYPE_CHECKING:
    from drift_ros.session import Running, SessionClient


SUCCESS = 1  # Outcome.SUCCESS
_RETRY_S = 0.5


class Kind(StrEnum):
    """Who drives; names as in RunEpisode.action."""

    DEMONSTRATION = "demonstration"
    INTERVENTION = "intervention"
    EVALUATION = "evaluation"


def main(
    episodes: Annotated[int, typer.Option(min=1, help="how many to run")] = 10,
    kind: Annotated[
        Kind,
        typer.Option(
            help="demonstration: the expert drives (drift up expert:=demonstrator, or you); "
            "intervention: it may take over; evaluation: the policy alone"
        ),
    ] = Kind.INTERVENTION,
    seed: Annotated[int, typer.Option(min=0, help="of the first episode; each further one counts up")] = 0,
    train: Annotated[
        bool, typer.Option("--train", help="train beside the episodes whenever there are new labels")
    ] = False,
    namespace: Annotated[str, typer.Option(help="ROS namespace of the stack")] = "",
    wait_s: Annotated[float, typer.Option(min=0.0, help="how long to wait for the stack [s]")] = 30.0,
) -> None:
    """Run episodes on a stack that is up: home, reset, run, judge, write."""
    from drift_ros.errors import SessionError
    from drift_ros.session import SessionClient

    view = SessionView(episodes, title=f"{kind.value} episodes")
    console = Console()
    try:
        with SessionClient(namespace=namespace) as client:
            client.wait_for_servers("trainer/run_episode", "trainer/train", limit_s=wait_s)
            wait_for_arm(client, wait_s)
            with Live(view, console=console, refresh_per_second=8) if console.is_terminal else nullcontext():
                Session(client, view, console, train).run(kind, seed)
        if not console.is_terminal:
            console.print(view)
    except SessionError as error:
        raise StackError(str(error)) from None


def wait_for_arm(client: "SessionClient", limit_s: float) -> None:
    """Home the arm, again and again until the gate knows its joints; SessionError says why it could not."""
    from drift_ros.errors import SessionError

    end_s = time.monotonic() + limit_s
    while True:
        try:
            return client.home()
        except SessionError:
            if time.monotonic() >= end_s:
                raise
        client.spin(_RETRY_S)


class Session:
    """Run episodes one after the other, and training rounds beside them."""

    def __init__(self, client: "SessionClient", view: SessionView, console: Console, train: bool) -> None:
        self._client, self._view, self._console, self._train = client, view, console, train
        self._training: Running | None = None
        self._new_labels = 0

    def run(self, kind: Kind, seed: int) -> None:
        """Run all episodes, then wait for the training that is under way."""
        from drift_ros.session import RunEpisode

        number = getattr(RunEpisode.Goal, kind.name)
        for episode in range(self._view.episodes):
            result = self._client.run_episode(number, seed + episode, on_feedback=self._on_episode)
            self._take(seed + episode, result)
            self._look_after_training()
        while self._training is not None:
            self._look_after_training()

    def _on_episode(self, feedback: Any) -> None:
        view = self._view
        view.elapsed_s, view.source = feedback.elapsed_s, feedback.source
        view.interventions, view.control_rate_hz = feedback.interventions, feedback.control_rate_hz
        view.policy_version = feedback.policy_version or view.policy_version
        self._look_after_training()

    def _on_training(self, feedback: Any) -> None:
        self._view.loss, self._view.rank = feedback.loss, feedback.rank
        self._view.training = f"step {feedback.step} of {feedback.total_steps}, {feedback.eta_s:.0f} s to go"

    def _take(self, seed: int, result: Any) -> None:
        from drift_ros.session import error_name

        if result.error_code:
            raise StackError(f"episode with seed {seed}: {error_name(result)}: {result.error_msg}")
        view = self._view
        view.done += 1
        view.successes += result.outcome == SUCCESS
        view.expert_labels += result.expert_labels
        self._new_labels += result.expert_labels
        word = "success" if result.outcome == SUCCESS else "failure"
        self._console.print(
            f"seed {seed}: {word} in {result.duration_s:.1f} s, {result.interventions} take-overs, "
            f"{result.expert_labels} labels, {result.late_steps} late ticks"
        )

    def _look_after_training(self) -> None:
        from drift_ros.session import Train, error_name

        if self._training is not None and self._training.poll():
            result, self._training = self._training.result(limit_s=5.0), None
            self._view.training = ""
            if result.error_code:
                self._view.note = f"training: {error_name(result)}: {result.error_msg}"
            else:
                self._console.print(
                    f"version {result.version}: loss {result.loss:.4f}, rank {result.rank:.0%}"
                )
        if self._train and self._training is None and self._new_labels:
            self._new_labels = 0
            self._training = self._client.start_train(Train.Goal.ONLINE, on_feedback=self._on_training)
