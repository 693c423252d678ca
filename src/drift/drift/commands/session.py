"""`drift session`: run episodes on a running stack, and train beside them."""

import time
from contextlib import nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from drift_ros.errors import SessionError, error_name
from rich.console import Console
from rich.live import Live

from drift.passive_expert import passive_expert
from drift.session_loop import SUCCESS, SessionLoop, SessionWatcher, TrainWhen, run_session
from drift.session_view import SessionView, held_out
from drift.signals import end_like_ctrl_c

if TYPE_CHECKING:
    from drift_ros.session import SessionClient


_RETRY_S = 0.5


class SessionKind(StrEnum):
    """Who drives; names as in RunEpisode.action."""

    DEMONSTRATION = "demonstration"
    INTERVENTION = "intervention"
    EVALUATION = "evaluation"


def main(
    episodes: Annotated[int, typer.Option(min=1, help="how many to run")] = 10,
    kind: Annotated[
        SessionKind,
        typer.Option(
            help="demonstration: the expert drives (drift up expert:=demonstrator, or you); "
            "intervention: it may take over; evaluation: the policy alone"
        ),
    ] = SessionKind.INTERVENTION,
    seed: Annotated[int, typer.Option(min=0, help="of the first episode; each further one counts up")] = 0,
    train: Annotated[
        bool, typer.Option("--train", help="train beside the episodes whenever there are new labels")
    ] = False,
    takeovers: Annotated[
        bool,
        typer.Option(
            "--takeovers/--no-takeovers", help="whether the scripted expert may take over meanwhile"
        ),
    ] = True,
    namespace: Annotated[str, typer.Option(help="ROS namespace of the stack")] = "",
    wait_s: Annotated[float, typer.Option(min=0.0, help="how long to wait for the stack [s]")] = 30.0,
) -> None:
    """Run episodes on a stack that is up: home, reset, run, judge, write."""
    from drift_ros.session import SessionClient
    from drift_ros.stack_client import RunEpisode

    number = getattr(RunEpisode.Goal, kind.name)
    seeds, when = range(seed, seed + episodes), TrainWhen.NEW_LABELS if train else TrainWhen.NEVER
    view = SessionView(episodes, title=f"{kind.value} episodes")
    console = Console()
    end_like_ctrl_c()  # the episode cancelled, the arm held
    with SessionClient(namespace=namespace) as client:
        client.wait_for_servers("trainer/run_episode", "trainer/train", limit_s=wait_s)
        wait_for_arm(client, wait_s)
        loop = SessionLoop(client.stack, Display(view, console), number, [seeds], when)
        live = Live(view, console=console, refresh_per_second=8) if console.is_terminal else nullcontext()
        with nullcontext() if takeovers else passive_expert(client), live:
            run_session(client, loop, time.monotonic)
    if not console.is_terminal:
        console.print(view)


def wait_for_arm(client: "SessionClient", limit_s: float) -> None:
    """Home the arm, again and again until the gate knows its joints; SessionError says why it could not."""
    end_s = time.monotonic() + limit_s
    while True:
        try:
            return client.home()
        except SessionError:
            if time.monotonic() >= end_s:
                raise
        client.spin(_RETRY_S)


class Display(SessionWatcher):
    """Show a session: the view while it runs, and a line for each episode and each round of training."""

    def __init__(self, view: SessionView, console: Console) -> None:
        self._view, self._console = view, console

    def on_episode_progress(self, feedback: Any) -> None:
        """Show who drives."""
        self._view.show_episode(feedback)

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """Count it and say what came of it."""
        self._view.count_episode(result)
        word = "success" if result.outcome == SUCCESS else "failure"
        self._console.print(
            f"seed {seed}: {word} in {result.duration_s:.1f} s, {result.interventions} take-overs, "
            f"{result.expert_labels} labels, {result.late_steps} late ticks"
        )

    def on_fault(self, text: str) -> None:
        """Say that the arm may not be held."""
        self._console.print(text, markup=False)

    def on_training_progress(self, round_number: int, feedback: Any) -> None:
        """Show how far it is."""
        self._view.show_training(feedback)

    def on_training(self, round_number: int, result: Any) -> None:
        """Say what came of it; the episodes go on without a training that failed."""
        self._view.training = ""
        if result.error_code:
            self._view.note = f"training: {error_name(result)}: {result.error_msg}"
        else:
            self._console.print(f"version {result.version}: {held_out(result.loss)}, rank {result.rank:.1%}")
