"""However a demo ends, it leaves a report of what was done, and says where."""

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from drift.commands import demo as command
from drift.configuration import choices
from drift.corrections import CorrectionRow
from drift.demo import online
from drift.demo import run as demo_run
from drift.demo.plan import DemoPlan
from drift.demo.record import EpisodeRow
from drift.demo.run import Demo
from drift.demo.usual import usual_demo
from drift.errors import StackError
from drift.run_folder import RunFolder
from drift.session_loop import TrainMode
from rich.console import Console

PLAN = DemoPlan(
    name="short", robot="panda", task="place", train="smoke", seed=0, demonstrations=3,
    train_mode=TrainMode.CONTINUOUS, rounds=3, episodes=2,
    evaluations=1, dds_evaluations=1, takeovers=True, control=False,
)  # fmt: skip
ROW = EpisodeRow("gone", 5000, True, 1, 30, 90, 0, 25, 1, 4.0, 9.0)


def end_of(demo: Demo, output: io.StringIO, error: type[BaseException]) -> tuple[str, dict[str, Any], str]:
    """Run the demo to its early end; return its last line, summary.json and report.html."""
    with pytest.raises(error):
        demo.run()
    folder = Path(demo.record.name)
    summary = json.loads((folder / "summary.json").read_text())
    last = output.getvalue().strip().splitlines()[-1]
    return last, summary, (folder / "report.html").read_text()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: io.StringIO) -> Demo:
    monkeypatch.chdir(tmp_path)
    return Demo(PLAN, RunFolder(tmp_path / "short"), Console(file=output, width=200))


def test_the_corrected_episodes_are_one_stream_or_rounds_of_nearly_the_same_size() -> None:
    plan = replace(PLAN, episodes=7)
    assert plan.corrected == [range(5000, 5007)]
    in_rounds = replace(plan, train_mode=TrainMode.ROUNDS)
    assert in_rounds.corrected == [range(5000, 5002), range(5002, 5005), range(5005, 5007)]
    assert replace(in_rounds, episodes=2).corrected == [range(5000, 5001), range(5001, 5002)]


def test_a_demo_does_what_is_usual_for_its_task_unless_it_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[DemoPlan] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "end_like_ctrl_c", lambda: None)
    monkeypatch.setattr(
        demo_run, "Demo", lambda plan, run, console: SimpleNamespace(run=lambda: plans.append(plan))
    )
    command.main(name="a")
    command.main(name="b", task="insert")
    command.main(name="c", task="insert", demonstrations=5, episodes=2, evaluations=1)
    command.main(name="d", task="insert", train="smoke")
    amounts = [(plan.train, plan.demonstrations, plan.episodes, plan.evaluations) for plan in plans]
    assert amounts == [
        ("demo", 15, 44, 40),
        ("demo", 60, 44, 40),
        ("demo", 5, 2, 1),
        ("smoke", 60, 44, 40),
    ]


def test_what_is_usual_is_said_of_tasks_and_recipes_that_there_are_and_of_others_as_of_place() -> None:
    for task in choices("demo"):
        assert task in choices("task") and usual_demo(task).train in choices("train")
    assert usual_demo("a_task_of_a_user") == usual_demo("place")


def test_the_stack_of_a_demo_says_what_shared_memory_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(online, "prepare", lambda processes: [f"no room for {processes} processes"])
    online.start_stack(
        PLAN.robot, PLAN.task, PLAN.train, RunFolder(tmp_path), lambda name, line: said.append((name, line))
    )
    assert said == [("drift", "no room for 7 processes")]


def test_control_c_writes_the_report_of_what_was_done(
    demo: Demo, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demonstrate(shell: Any, folder: Path, seeds: Any, on_episode: Any) -> None:
        for seed in (0, 1):
            on_episode(SimpleNamespace(success=True, seed=seed))
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_run, "demonstrate", demonstrate)
    last, summary, page = end_of(demo, output, KeyboardInterrupt)
    assert last.startswith("ended early in stage demonstrations; done: no stage, 0 corrected episodes;")
    assert last.endswith("/short")
    assert (summary["ended_early"], summary["demonstrations"]) == ("demonstrations: interrupted", 2)
    assert "<b>Ended early</b> in stage demonstrations: interrupted" in page


def test_a_stack_that_fails_leaves_the_episodes_of_the_run_in_the_report(
    demo: Demo, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def correct() -> None:
        demo.record.episodes.append(ROW)
        drove = CorrectionRow("monday", 1, 20, 103.0, 0.7, version=5, trained_s=110.0, drove_s=111.5)
        demo.record.corrections = [drove, CorrectionRow("monday", 2, 9, 112.0, 0.1)]
        demo.record.corrections_in_short = "1 of 2 corrections drove"
        raise StackError("waited 60 s in vain for the trainer to answer\nlast lines of trainer.log:")

    for stage in ("_demonstrate", "_bootstrap"):
        monkeypatch.setattr(demo, stage, lambda: None)
    monkeypatch.setattr(demo, "_evaluate", lambda checkpoints, text: [True])
    monkeypatch.setattr(demo, "_correct", correct)
    last, summary, page = end_of(demo, output, StackError)
    done = "demonstrations, bootstrapping at falling rank, evaluation before"
    assert f"in stage corrected episodes over DDS; done: {done}, 1 corrected episodes;" in last
    assert (summary["expert_labels"], summary["corrected_episodes"], summary["success_before"]) == (
        25,
        1,
        1.0,
    )
    assert summary["ended_early"].endswith("StackError: waited 60 s in vain for the trainer to answer")
    assert "<td>25</td>" in page
    assert "<td>1 of monday</td><td>20</td><td>5</td><td>7.0</td><td>8.5</td>" in page
    assert "<td>2 of monday</td><td>9</td><td>none</td><td>not yet</td><td>not yet</td>" in page


def test_a_report_that_cannot_be_written_does_not_replace_the_reason(
    demo: Demo, output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(demo, "_demonstrate", lambda: (_ for _ in ()).throw(StackError("the reason")))
    monkeypatch.setattr(demo_run, "write_report", fail)
    with pytest.raises(StackError, match="the reason"):
        demo.run()
    assert "no report: OSError: [Errno 28] No space left on device" in output.getvalue()
