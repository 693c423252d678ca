"""`drift session` with a fake client in place of ROS."""

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from drift.commands.session import Kind, Session, wait_for_arm
from drift.errors import StackError
from drift.session_view import SessionView
from drift_ros.errors import SessionError
from drift_ros.session import RunEpisode, Train
from rich.console import Console


class FakeTraining:
    """Ends at the third look."""

    def __init__(self, on_feedback: Callable[[Any], None], error_code: int) -> None:
        self._on_feedback, self._error_code, self._looks = on_feedback, error_code, 0

    def poll(self) -> bool:
        self._looks += 1
        self._on_feedback(Train.Feedback(step=self._looks, total_steps=3, loss=0.5, rank=0.25, eta_s=2.0))
        return self._looks == 3

    def result(self, limit_s: float) -> Train.Result:
        return Train.Result(error_code=self._error_code, error_msg="told so", version=2, loss=0.4, rank=0.25)


class FakeClient:
    """Odd seeds succeed; each episode gives ten labels and two feedbacks."""

    def __init__(self, train_error: int = 0, episode_error: int = 0) -> None:
        self.seeds: list[int] = []
        self.kinds: list[int] = []
        self.trainings = 0
        self._train_error, self._episode_error = train_error, episode_error

    def run_episode(self, kind: int, seed: int, on_feedback: Callable[[Any], None]) -> RunEpisode.Result:
        self.seeds.append(seed)
        self.kinds.append(kind)
        for source in (1, 2):
            on_feedback(
                RunEpisode.Feedback(source=source, control_rate_hz=99.5, policy_version=1, elapsed_s=3.0)
            )
        return RunEpisode.Result(
            error_code=self._episode_error, error_msg="joints stale", outcome=seed % 2, expert_labels=10
        )

    def start_train(self, kind: int, on_feedback: Callable[[Any], None]) -> FakeTraining:
        assert kind == Train.Goal.ONLINE
        self.trainings += 1
        return FakeTraining(on_feedback, self._train_error)


def run(client: FakeClient, episodes: int, train: bool, kind: Kind = Kind.INTERVENTION) -> SimpleNamespace:
    view = SessionView(episodes)
    output = io.StringIO()
    Session(client, view, Console(file=output, width=120), train).run(kind, seed=5)  # type: ignore[arg-type]
    return SimpleNamespace(view=view, output=output.getvalue())


def test_episodes_run_with_seeds_that_count_up() -> None:
    client = FakeClient()
    done = run(client, episodes=4, train=False, kind=Kind.EVALUATION)
    assert client.seeds == [5, 6, 7, 8]
    assert client.kinds == [RunEpisode.Goal.EVALUATION] * 4
    assert (done.view.successes, done.view.done, done.view.expert_labels) == (2, 4, 40)
    assert client.trainings == 0


def test_training_runs_beside_the_episodes_and_its_last_round_is_awaited() -> None:
    client = FakeClient()
    done = run(client, episodes=3, train=True)
    assert client.trainings >= 2
    assert "version 2: loss 0.4000, rank 25%" in done.output
    assert (done.view.loss, done.view.rank, done.view.training) == (0.5, 0.25, "")


def test_an_episode_that_could_not_run_ends_the_session_with_its_reason() -> None:
    client = FakeClient(episode_error=RunEpisode.Result.ARM_REFUSED)
    with pytest.raises(StackError, match="episode with seed 5: ARM_REFUSED: joints stale"):
        run(client, episodes=3, train=False)
    assert client.seeds == [5]


def test_training_that_fails_is_shown_and_the_episodes_go_on() -> None:
    done = run(FakeClient(train_error=Train.Result.NO_DATA), episodes=2, train=True)
    assert done.view.note == "training: NO_DATA: told so"
    assert done.view.done == 2


def test_the_view_shows_who_drives_and_what_is_not_known_yet() -> None:
    console = Console(file=io.StringIO(), width=80, record=True)
    console.print(
        SessionView(episodes=10, done=3, successes=2, source=2, interventions=1, control_rate_hz=99.96)
    )
    text = console.export_text()
    for words in ("4 of 10", "expert, take-overs: 1", "2 of 3", "none yet", "100.0 Hz", "training loss   –"):
        assert words in text


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
