"""`drift session`: run episodes on a running stack, and train beside them."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from drift_ros.errors import SessionError, error_name
from rich.console import Console
from rich.live import Live

from drift.passive_expert import passive_expert
from drift.session_loop import SUCCESS, SessionLoop, SessionWatcher, TrainMode, TrainWhen, run_session
from drift.session_view import SessionView, held_out
from drift.signals import end_like_ctrl_c

if TYPE_CHECKING:
    from drift_ros.session import SessionClient

    from drift.correction_watch import CorrectionWatch

_RETRY_S = 0.5
_LOOK_S = 0.1
_CONSOLE_S = 1.0  # for the console to answer; a stack may have none
_SERVERS = {
    "gate": ("gate/home", "gate/stop"),
    "trainer": ("trainer/run_episode", "trainer/train"),
}


_TRAIN_WHEN = {TrainMode.ROUNDS: TrainWhen.NEW_LABELS, TrainMode.CONTINUOUS: TrainWhen.CONTINUOUSLY}


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
        bool, typer.Option("--train", help="train beside the episodes; short for --train-mode continuous")
    ] = False,
    train_mode: Annotated[
        TrainMode | None,
        typer.Option(
            help="train beside the episodes. continuous: on each correction as soon as it is over; "
            "rounds: one round after the other, on episodes that have ended",
            show_default="no training",
        ),
    ] = None,
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

    from drift.correction_watch import CorrectionWatch
    from drift.ros.console_of_stack import ConsoleOfStack

    number = getattr(RunEpisode.Goal, kind.name)
    mode = train_mode or (TrainMode.CONTINUOUS if train else None)
    seeds, when = range(seed, seed + episodes), TrainWhen.NEVER if mode is None else _TRAIN_WHEN[mode]
    view = SessionView(episodes, title=f"{kind.value} episodes")
    console = Console()
    end_like_ctrl_c()  # the episode cancelled, the arm held
    with SessionClient(namespace=namespace) as client:
        wait_for_stack(client, kind is not SessionKind.DEMONSTRATION, wait_s, console.print)
        wait_for_arm(client, wait_s)
        if said := ConsoleOfStack(client).word(_CONSOLE_S):
            console.print(said, markup=False, soft_wrap=True)
        corrections = CorrectionWatch(client) if mode is TrainMode.CONTINUOUS else None
        display = Display(view, console, corrections)
        loop = SessionLoop(client.stack, display, number, [seeds], when)
        live = Live(view, console=console, refresh_per_second=8) if console.is_terminal else nullcontext()
        try:
            with nullcontext() if takeovers else passive_expert(client), live:
                run_session(client, loop, time.monotonic)
        finally:
            if not console.is_terminal:
                console.print(view)
            console.print(display.closing_word(), markup=False, soft_wrap=True)


def wait_for_stack(
    client: "SessionClient", policy: bool, limit_s: float, say: Callable[[str], object]
) -> None:
    """Wait until everything is found that an episode needs, with a `policy` or without, and say for what.

    SessionError where something is not there within the limit, or the policy node has nothing to run.
    """
    from drift_ros.stack_client import PolicyState

    end_s, said = time.monotonic() + limit_s, ""
    while True:
        missing = [name for name, servers in _SERVERS.items() if client.stack.missing(*servers)]
        state = client.policy_state
        if client.gate_state is None and "gate" not in missing:
            missing.insert(0, "gate")
        starting = state is None or state.state in (PolicyState.UNCONFIGURED, PolicyState.INACTIVE)
        if policy and starting and not (state is not None and state.version):
            missing.append("policy")
        if not missing:
            break
        text = ", ".join(missing)
        if time.monotonic() >= end_s:
            raise SessionError(f"no {text} after {limit_s:g} s; is the stack up (drift up)?")
        if text != said:
            said = text
            say(f"waiting for the stack: {text}")
        client.spin(_LOOK_S)
    if policy and not state.version:
        raise SessionError(
            f"no policy to run: {state.last_refusal or 'no checkpoint yet'}; train one (drift session --kind "
            "demonstration, then drift train), or start drift up with a run that has one"
        )


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
    """Show a session: the view while it runs, and a line for each episode and each round of training.

    `corrections`: a line also for each correction that drives for the first time.
    """

    def __init__(
        self, view: SessionView, console: Console, corrections: "CorrectionWatch | None" = None
    ) -> None:
        self._view, self._console, self._corrections = view, console, corrections
        self._folders: dict[str, None] = {}  # of what was recorded, in their order

    def closing_word(self) -> str:
        """What was recorded and where, and what corrections have come to, however the session ended."""
        words = [] if self._corrections is None else self._corrections.closing_words()
        return "\n".join([*words, self._recorded()])

    def _recorded(self) -> str:
        if not self._view.done:
            return "no episode was recorded"
        done, wanted = self._view.done, self._view.episodes
        broken = "" if done == wanted else "; one that is broken off is not kept"
        return f"{done} of {wanted} episodes were recorded in {', '.join(self._folders)}{broken}"

    def on_episode_progress(self, feedback: Any) -> None:
        """Show who drives, and which corrections do."""
        self._view.show_episode(feedback)
        if self._corrections is not None:
            for line in self._corrections.look(feedback):
                self._console.print(line, markup=False, soft_wrap=True)
            self._view.corrections = self._corrections.summary()

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        """Count it and say what came of it."""
        self._view.count_episode(result)
        self._folders.setdefault(str(Path(result.path).parent))
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
