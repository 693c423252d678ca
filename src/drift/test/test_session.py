"""The loop of a session and `drift session`, with a fake stack in place of ROS; Ctrl-C with real nodes."""

import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from drift.commands.session import Display, wait_for_arm, wait_for_stack
from drift.errors import StackError
from drift.ros.console_of_stack import ConsoleOfStack
from drift.session_loop import SessionLoop, SessionWatcher, TrainWhen, run_session
from drift.session_view import SessionView
from drift_console_node.access import Tokens
from drift_console_node.address import write_address
from drift_interfaces.msg import GateState, Outcome, PolicyState
from drift_ros import qos
from drift_ros.errors import SessionError
from drift_ros.goal_server import GoalServer
from drift_ros.session import SessionClient
from drift_ros.stack_client import Home, RunEpisode, Train
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rich.console import Console
from std_srvs.srv import Trigger

INTERVENTION, EVALUATION = RunEpisode.Goal.INTERVENTION, RunEpisode.Goal.EVALUATION


class FakeRequest:
    """Is done after `looks` looks, with a result or an error."""

    def __init__(self, result: Any = None, error: Exception | None = None, looks: float = 1) -> None:
        self._result, self._error, self._looks, self.cancelled = result, error, looks, False

    @property
    def done(self) -> bool:
        self._looks -= 1
        return self._looks <= 0

    @property
    def error(self) -> Exception | None:
        return self._error

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> None:
        self.cancelled, self._looks = True, 3


class FakeStack:
    """Odd seeds succeed; each episode gives ten labels and two feedbacks. A training takes `train_looks`."""

    def __init__(
        self, train_error: int = 0, episode_errors: tuple[int, ...] = (), train_looks: float = 3
    ) -> None:
        self.happened: list[str] = []
        self.kinds: set[int] = set()
        self.train_kinds: list[str] = []
        self.trainings: list[FakeRequest] = []
        self.episode: FakeRequest | None = None
        self.lost: SessionError | None = None  # what an episode ends with
        self.looks: float = 1
        self._errors = list(episode_errors)
        self._train_error, self._train_looks = train_error, train_looks

    @property
    def seeds(self) -> list[int]:
        return [int(what.split()[1]) for what in self.happened if what.startswith("episode")]

    def run_episode(self, kind: int, seed: int, on_feedback: Callable[[Any], None]) -> FakeRequest:
        self.happened.append(f"episode {seed}")
        self.kinds.add(kind)
        for source in (1, 2):
            on_feedback(
                RunEpisode.Feedback(source=source, control_rate_hz=99.5, policy_version=1, elapsed_s=3.0)
            )
        code = self._errors.pop(0) if self._errors else 0
        result = RunEpisode.Result(
            error_code=code, error_msg="joints stale", outcome=seed % 2, expert_labels=10
        )
        self.episode = FakeRequest(result, self.lost, self.looks)
        return self.episode

    def train(self, kind: str, *, on_feedback: Callable[[Any], None]) -> FakeRequest:
        self.train_kinds.append(kind)
        assert all(training.done for training in self.trainings), "at most one at a time"
        self.happened.append("train")
        on_feedback(Train.Feedback(step=1, total_steps=3, loss=0.5, rank=0.25, eta_s=2.0))
        result = Train.Result(
            error_code=self._train_error, error_msg="told so", version=2, loss=0.4, rank=0.25
        )
        self.trainings.append(FakeRequest(result, looks=self._train_looks))
        return self.trainings[-1]

    def stop(self) -> FakeRequest:
        self.happened.append("stop")
        return FakeRequest("stopped")


class FakeClient:
    """Calls the condition until it holds, every 0.1 s; Ctrl-C comes at look `interrupt_at`."""

    def __init__(self, interrupt_at: int = 0) -> None:
        self.looks, self._interrupt_at = 0, interrupt_at

    def clock(self) -> float:
        return 0.1 * self.looks

    def wait_until(self, condition: Callable[[], bool], limit_s: float, what: str) -> None:
        end_s = self.clock() + limit_s
        while not condition():
            self.looks += 1
            if self.looks == self._interrupt_at:
                raise KeyboardInterrupt
            if self.clock() > end_s:
                raise SessionError(f"waited {limit_s:g} s for {what}")
            assert self.looks < 10_000


class Witness(SessionWatcher):
    """Writes down what the loop tells."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.episodes: list[tuple[int, int]] = []

    def on_fault(self, text: str) -> None:
        self.faults.append(text)

    def on_episode(self, round_number: int, seed: int, result: Any) -> None:
        self.episodes.append((round_number, seed))


def run(stack: FakeStack, episodes: int, train: bool, kind: int = INTERVENTION) -> SimpleNamespace:
    """What `drift session --seed 5` does once the stack is there."""
    view, output, client = SessionView(episodes), io.StringIO(), FakeClient()
    when = TrainWhen.NEW_LABELS if train else TrainWhen.NEVER
    watcher = Display(view, Console(file=output, width=120))
    run_session(client, SessionLoop(stack, watcher, kind, [range(5, 5 + episodes)], when), client.clock)
    return SimpleNamespace(view=view, output=output.getvalue())


def test_episodes_run_with_seeds_that_count_up() -> None:
    stack = FakeStack()
    done = run(stack, episodes=4, train=False, kind=EVALUATION)
    assert stack.happened == ["episode 5", "episode 6", "episode 7", "episode 8"]
    assert stack.kinds == {EVALUATION}
    assert (done.view.successes, done.view.done, done.view.expert_labels) == (2, 4, 40)


def test_training_runs_beside_the_episodes_and_its_last_round_is_awaited() -> None:
    stack = FakeStack()
    done = run(stack, episodes=3, train=True)
    assert stack.happened[:3] == ["episode 5", "train", "episode 6"]
    assert stack.happened.count("train") >= 2
    assert "version 2: held-out loss 0.4000, rank 25.0%" in done.output
    assert (done.view.loss, done.view.rank, done.view.training) == (0.5, 0.25, "")


def test_an_episode_that_could_not_run_ends_the_session_with_its_reason() -> None:
    stack = FakeStack(episode_errors=(RunEpisode.Result.ARM_REFUSED,))
    with pytest.raises(StackError, match="episode with seed 5: ARM_REFUSED: joints stale"):
        run(stack, episodes=3, train=False)
    assert stack.seeds == [5]


def test_training_that_fails_is_shown_and_the_episodes_go_on() -> None:
    done = run(FakeStack(train_error=Train.Result.NO_DATA), episodes=2, train=True)
    assert done.view.note == "training: NO_DATA: told so"
    assert done.view.done == 2


def test_a_round_is_trained_on_while_the_next_one_runs_but_never_two_at_once() -> None:
    stack, client, witness = FakeStack(train_looks=20), FakeClient(), Witness()
    loop = SessionLoop(stack, witness, INTERVENTION, [(1, 2), (3, 4), (5,)], TrainWhen.AFTER_ROUND)
    run_session(client, loop, client.clock)
    rounds = ["episode 1", "episode 2", "train", "episode 3", "episode 4", "train", "episode 5", "train"]
    assert stack.happened == rounds
    assert witness.episodes == [(1, 1), (1, 2), (2, 3), (2, 4), (3, 5)]
    assert stack.trainings[-1].done


def stream(stack: FakeStack, client: FakeClient, seeds: tuple[int, ...]) -> None:
    """A session that trains without rounds."""
    when = TrainWhen.CONTINUOUSLY
    run_session(client, SessionLoop(stack, Witness(), INTERVENTION, [seeds], when), client.clock)


def test_without_rounds_one_training_runs_from_the_beginning_and_ends_when_it_makes_no_more_steps() -> None:
    stack, client = FakeStack(train_looks=float("inf")), FakeClient()
    stream(stack, client, (1, 2))
    assert stack.happened == ["train", "episode 1", "episode 2"] and stack.train_kinds == ["continuous"]
    assert stack.trainings[0].cancelled, "so that it makes a last version"
    assert 5.0 < client.clock() < 6.0, "5 s without a step"


def test_training_without_rounds_that_finds_no_label_begins_again_with_the_first_one() -> None:
    stack = FakeStack(train_looks=1)  # NO_DATA at once, twice
    stream(stack, FakeClient(), (1, 2))
    assert stack.happened == ["train", "episode 1", "train", "episode 2", "train"]
    assert not any(training.cancelled for training in stack.trainings)


@pytest.mark.parametrize("when, kind", [(TrainWhen.CONTINUOUSLY, "continuous"), (TrainWhen.NEW_LABELS, "")])
def test_control_c_ends_training_without_rounds_with_its_last_version_but_no_round(
    when: TrainWhen, kind: str
) -> None:
    told: list[int] = []
    stack, client, witness = FakeStack(train_looks=float("inf")), FakeClient(interrupt_at=5), Witness()
    witness.on_training = lambda number, result: told.append(result.version)  # type: ignore[method-assign]
    stack.looks = float("inf") if kind else 1
    loop = SessionLoop(stack, witness, INTERVENTION, [range(100)], when)
    with pytest.raises(KeyboardInterrupt):
        run_session(client, loop, client.clock)
    assert stack.trainings[0].cancelled == bool(kind)
    assert told == ([2] if kind else [])
    assert stack.episode is not None and stack.episode.cancelled and witness.faults == []


@pytest.mark.parametrize("last_step_s, end_s", [(0.0, 60.0), (500.0, 560.0)])
def test_training_is_awaited_as_long_as_it_makes_steps(last_step_s: float, end_s: float) -> None:
    class SlowStack(FakeStack):
        """Its training makes a step every 50 s until `last_step_s`, and never ends."""

        on_training: Callable[[Any], None] = staticmethod(lambda feedback: None)

        def train(self, kind: Any, *, on_feedback: Callable[[Any], None]) -> FakeRequest:
            self.on_training = on_feedback
            return super().train(kind, on_feedback=on_feedback)

    stack, client = SlowStack(train_looks=float("inf")), FakeClient()
    loop = SessionLoop(
        stack, SessionWatcher(), INTERVENTION, [(1,)], TrainWhen.AFTER_ROUND, training_silence_s=60.0
    )

    def update(now_s: float) -> bool:
        if 0.0 < now_s <= last_step_s:
            stack.on_training(Train.Feedback(step=1 + int(now_s // 50.0)))
        return SessionLoop.update(loop, now_s)

    loop.update = update  # type: ignore[method-assign]
    with pytest.raises(SessionError, match="training round has made no step for 60 s, after step"):
        run_session(client, loop, client.clock)
    assert end_s < client.clock() < end_s + 1.0


def test_an_episode_that_a_fault_kept_from_running_is_tried_again_so_often() -> None:
    fault = RunEpisode.Result.GATE_FAULT
    stack, client, witness = (
        FakeStack(episode_errors=(fault, fault, 0, fault, fault, fault)),
        FakeClient(),
        Witness(),
    )
    with pytest.raises(StackError, match="episode with seed 2: GATE_FAULT: joints stale"):
        run_session(client, SessionLoop(stack, witness, INTERVENTION, [(1, 2)], attempts=3), client.clock)
    assert stack.seeds == [1, 1, 1, 2, 2, 2]
    assert witness.episodes == [(1, 1)]
    assert witness.faults[1:3] == [
        "episode with seed 1: GATE_FAULT: joints stale (attempt 2 of 3)",
        "episode with seed 2: GATE_FAULT: joints stale (attempt 1 of 3)",
    ]


def test_control_c_cancels_the_episode_and_waits_for_its_end() -> None:
    stack, client = FakeStack(), FakeClient(interrupt_at=5)
    stack.looks = float("inf")
    with pytest.raises(KeyboardInterrupt):
        run_session(client, SessionLoop(stack, SessionWatcher(), INTERVENTION, [(1, 2)]), client.clock)
    assert stack.episode is not None and stack.episode.cancelled
    assert stack.happened == ["episode 1"]  # its trainer has stopped the arm
    assert client.looks == 5 + 2  # done at the third look


def test_a_trainer_that_dies_leaves_the_arm_to_the_gate() -> None:
    stack, client = FakeStack(), FakeClient()
    stack.lost = SessionError("trainer/run_episode: its server has died or was restarted")
    with pytest.raises(SessionError, match="its server has died"):
        run_session(client, SessionLoop(stack, SessionWatcher(), INTERVENTION, [(1, 2)]), client.clock)
    assert stack.happened == ["episode 1", "stop"]


def test_a_gate_that_does_not_stop_is_said_and_does_not_replace_the_reason() -> None:
    stack, client, witness = FakeStack(), FakeClient(), Witness()
    stack.lost = SessionError("trainer/run_episode: its server has died or was restarted")
    stack.stop = lambda: FakeRequest(error=SessionError("waited 5 s for the answer of gate/stop"))  # type: ignore
    with pytest.raises(SessionError, match="its server has died"):
        run_session(client, SessionLoop(stack, witness, INTERVENTION, [(1,)]), client.clock)
    assert witness.faults == ["waited 5 s for the answer of gate/stop"]


class Cell(Node):
    """Gate, policy and trainer: the first episode succeeds at once, the next goes on until cancelled."""

    def __init__(self) -> None:
        super().__init__("cell")
        self.armed, self.cancelled = threading.Event(), threading.Event()
        self._home = GoalServer(self, Home, "gate/home", lambda goal: self._home.finish(Home.Result()), print)
        self._train = GoalServer(self, Train, "trainer/train", lambda goal: None, lambda: None)
        self._episodes = GoalServer(
            self, RunEpisode, "trainer/run_episode", self._on_goal, self.cancelled.set
        )
        self._states = [self.create_publisher(GateState, "gate/state", qos.LATCHED)]
        self._states.append(self.create_publisher(PolicyState, "policy/state", qos.LATCHED))
        self._states[0].publish(GateState())
        self._states[1].publish(PolicyState(state=PolicyState.ACTIVE, version=1))
        self.create_service(Trigger, "gate/stop", lambda request, response: response)
        self.create_service(GetParameters, "console/get_parameters", self._on_get_parameters)
        self.create_timer(0.05, self._on_tick)

    def _on_get_parameters(self, request: Any, response: Any) -> Any:
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="/runs/a")
        response.values = [value for name in request.names if name == "run_folder"]
        return response

    def _on_goal(self, goal: RunEpisode.Goal) -> None:
        if goal.seed == 0:
            done = RunEpisode.Result(outcome=Outcome.SUCCESS, path="/runs/a/episodes/one")
            self._episodes.finish(done)
        else:
            self.armed.set()

    def _on_tick(self) -> None:
        self._episodes.feedback(RunEpisode.Feedback(source=1))
        if self._episodes.active and self.cancelled.is_set():
            self.armed.clear()
            code = RunEpisode.Result.CANCELLED
            self._episodes.finish(RunEpisode.Result(error_code=code, error_msg="cancelled"))


@pytest.fixture
def cell(ros: None) -> Iterator[Cell]:
    node, executor = Cell(), SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield node
    executor.shutdown()
    thread.join(timeout=5.0)
    node.destroy_node()


NO_FILE = "the console's address is in {}/console.json on its machine, for whoever started it"
SESSION = (sys.executable, "-c", "from drift.cli import main; main()", "session", "--episodes", "2")


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGTERM, signal.SIGINT)],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "two at once"],
)
def test_a_signal_to_drift_session_ends_the_episode_and_leaves_the_arm_held(
    cell: Cell, numbers: tuple[signal.Signals, ...]
) -> None:
    session = subprocess.Popen(SESSION, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert cell.armed.wait(30.0)
        for number in numbers:
            session.send_signal(number)
        began_s = time.monotonic()
        output = session.communicate(timeout=20.0)[0].decode()
    finally:
        session.kill()
        session.wait()
    assert session.returncode == 130, output
    assert cell.cancelled.is_set() and not cell.armed.is_set()
    assert f"{NO_FILE.format('/runs/a')}\n" in output
    assert (
        "\n1 of 2 episodes were recorded in /runs/a/episodes; one that is broken off is not kept\n" in output
    )
    assert time.monotonic() - began_s < 5.0


def test_the_session_says_where_the_console_is_opened_to_whom_the_run_belongs(
    ros: None, tmp_path: Path
) -> None:
    node = Node("console")
    node.declare_parameter("run_folder", str(tmp_path))
    with SessionClient() as client:
        assert ConsoleOfStack(client).word(0.2) == "", "a node that does not answer is not there"
        client._executor.add_node(node)
        known = ConsoleOfStack(client)
        assert known.word(10.0) == NO_FILE.format(tmp_path)
        write_address(tmp_path, "http://127.0.0.1:8421/", Tokens("d" * 32, "e" * 32))
        assert known.word(0.0) == f"open in a browser: http://127.0.0.1:8421/#t={'d' * 32}"
    node.destroy_node()


def test_a_terminal_that_is_closed_ends_the_episode_and_leaves_the_arm_held(cell: Cell) -> None:
    in_terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])", *SESSION]
    terminal = subprocess.Popen(in_terminal, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        assert cell.armed.wait(30.0)
    finally:
        terminal.kill()
        terminal.wait()
    assert cell.cancelled.wait(10.0)


def test_the_view_shows_who_drives_and_what_is_not_known_yet() -> None:
    console = Console(file=io.StringIO(), width=80, record=True)
    console.print(
        SessionView(episodes=10, done=3, successes=2, source=2, interventions=1, control_rate_hz=99.96)
    )
    text = console.export_text()
    for words in ("4 of 10", "expert, take-overs: 1", "2 of 3", "none yet", "100.0 Hz", "training loss   –"):
        assert words in text


def test_the_view_shows_how_far_training_is_behind_the_labels() -> None:
    view = SessionView(episodes=10)
    view.show_training(Train.Feedback(step=40, total_steps=100, eta_s=6.0, waiting_labels=12, behind_s=6.0))
    assert view.training == "step 40, 12 labels wait, 6 s behind"
    view.show_training(Train.Feedback(step=100, total_steps=100))
    assert view.training == "step 100 of 100, 0 s to go"


class StackThatComesLate:
    """Gate, trainer, policy and its checkpoint are found one look after the other; plays stack and client."""

    def __init__(self, checkpoint: bool) -> None:
        self.looks, self.checkpoint, self.stack, self.said = 0, checkpoint, self, list[str]()

    def missing(self, *names: str) -> list[str]:
        here = {"gate": 1, "trainer": 3}
        return [name for name in names if self.looks < here[name.partition("/")[0]]]

    @property
    def gate_state(self) -> GateState | None:
        return GateState() if self.looks >= 2 else None

    @property
    def policy_state(self) -> PolicyState | None:
        if self.looks < 4:
            return None
        if self.looks < 6:
            return PolicyState(state=PolicyState.UNCONFIGURED)
        return PolicyState(state=PolicyState.ACTIVE, version=int(self.checkpoint))

    def spin(self, duration_s: float) -> None:
        self.looks += 1


def test_a_session_waits_for_all_of_the_stack_and_says_for_what() -> None:
    stack = StackThatComesLate(checkpoint=True)
    wait_for_stack(stack, True, 60.0, stack.said.append)  # type: ignore[arg-type]
    assert (stack.looks, stack.said) == (
        6,
        [
            f"waiting for the stack: {names}"
            for names in ("gate, trainer, policy", "trainer, policy", "policy")
        ],
    )
    with pytest.raises(SessionError, match=r"^no gate, trainer, policy after 0 s; is the stack up"):
        wait_for_stack(StackThatComesLate(True), True, 0.0, print)  # type: ignore[arg-type]


def test_without_a_policy_only_demonstrations_are_run() -> None:
    stack = StackThatComesLate(checkpoint=False)
    with pytest.raises(SessionError, match="^no policy to run: no checkpoint yet; train one"):
        wait_for_stack(stack, True, 60.0, print)  # type: ignore[arg-type]
    stack = StackThatComesLate(checkpoint=False)
    wait_for_stack(stack, False, 60.0, print)  # type: ignore[arg-type]
    assert stack.looks == 3


class ArmThatComesLate:
    """Refuses to home until it has been asked `refusals` times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def home(self) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            raise SessionError("gate/home failed: REFUSED: no state of all joints has arrived yet")

    def spin(self, duration_s: float) -> None:
        assert duration_s > 0.0


def test_an_arm_that_is_not_there_yet_is_awaited_but_not_for_ever() -> None:
    wait_for_arm(ArmThatComesLate(3), limit_s=60.0)  # type: ignore[arg-type]
    with pytest.raises(SessionError, match="no state of all joints"):
        wait_for_arm(ArmThatComesLate(3), limit_s=0.0)  # type: ignore[arg-type]
