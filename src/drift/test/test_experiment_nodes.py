"""The nodes against the shell: pairs of rollouts by hand, and a job whose last rollouts others make."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from drift.demo import rollouts
from drift.errors import UserError
from drift.experiment import results, study
from drift.experiment.budget import Budget, Budgets
from drift.experiment.courses import nodes
from drift.experiment.durations import cells
from drift.experiment.engine import LocalEngine, make_engine
from drift.experiment.estimate import Costs
from drift.experiment.job import JobResult, Learner, Point
from drift.experiment.methods import METHODS
from drift.experiment.results import Machine, Result
from drift.experiment.run import Run
from drift.experiment.study import Job, Study, load_study
from drift.experiment.table import rows
from drift.experiment.task import StudyTask
from drift.run_folder import RunFolder
from gap_shell import TASK, gap_shell
from rich.console import Console

BUDGET = Budget(
    seeds=2, demonstrations=2, episodes=2, rounds=1, offline_steps=10, online_steps=10, evaluations=4
)
SEEN = StudyTask("place", "images")
STUDY = Study(
    "tiny",
    "Tiny",
    "smoke",
    ("in_the_shell", "by_the_nodes"),
    "in_the_shell",
    ("place_images",),
    Budgets(BUDGET, BUDGET),
)
MACHINE = Machine("a processor", 2, "an OS", "3.11")


def result(method: str, seed: int, rolled: Sequence[tuple[bool, float]], late: float | None = None) -> Result:
    """`rolled`: success and duration [s]."""
    success, durations_s = zip(*rolled, strict=True)
    point = Point(100, 20, success, 6.0, durations_s)
    done = JobResult((point,), 1, 4.0, 4.0, 240.0, 900.0, (), {}, late_ticks=late)
    return Result(
        1, "tiny", "quick", Job(SEEN, method, seed, BUDGET, "smoke"), done, MACHINE, "", False, "drift"
    )


def test_durations_are_compared_where_both_succeeded_from_the_same_place() -> None:
    done = [
        result("in_the_shell", 0, [(True, 6.0), (True, 5.0), (False, 20.0), (False, 20.0)]),
        result("by_the_nodes", 0, [(True, 6.5), (False, 20.0), (True, 7.0), (False, 20.0)], late=0.01),
        result("in_the_shell", 1, [(True, 8.0)] * 4),
        result("by_the_nodes", 1, [(True, 8.5)] * 4, late=0.02),
    ]
    _, line = cells(STUDY, rows(STUDY, "quick", done))
    # five pairs: 6.0 and four times 8.0, each half a second later
    assert line[2:] == ("5, 2, 1", "7.60", "8.10", "+0.50 [+0.50, +0.50]", "1.50 %")
    assert len(cells(STUDY, rows(STUDY, "quick", done[::2]))) == 1, "the nodes have not run"


def test_pairs_that_never_both_succeed_have_no_duration() -> None:
    done = [result("in_the_shell", 0, [(True, 6.0)] * 4), result("by_the_nodes", 0, [(False, 20.0)] * 4)]
    assert cells(STUDY, rows(STUDY, "quick", done))[1][2:] == ("0, 4, 0", "–", "–", "–", "–")


def test_the_same_policy_is_rolled_out_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def by_others(learner: Learner, seeds: Sequence[int]) -> list[tuple[bool, float]]:
        told.append((list(seeds), learner.folder.path))
        return [(True, 3.0), (False, 9.0), (True, 5.0), (False, 9.0)]

    ways = {"in_the_shell": nodes._evaluated(), "by_the_nodes": nodes._evaluated(by_others)}
    points = {}
    for name, course in ways.items():
        monkeypatch.setitem(METHODS, name, replace(METHODS[name], course=course))
        shell, folder = gap_shell(TASK), RunFolder(tmp_path / name).create()
        learner = Learner(Job(TASK, name, 0, BUDGET, "smoke"), shell, folder, lambda text: None)
        (points[name],) = learner.run()
        shell.close()
    here, there = points["in_the_shell"], points["by_the_nodes"]
    assert (here.labels, here.gradient_steps) == (there.labels, there.gradient_steps)
    assert len(here.success) == len(here.durations_s) == 4
    assert (there.success, there.episode_s) == ((True, False, True, False), 4.0)
    assert told == [([1_000_000, 1_000_001, 1_000_002, 1_000_003], tmp_path / "by_the_nodes")]


def test_rollouts_by_nodes_are_collected_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def run_session(client: Any, loop: Any, clock: Any) -> None:
        loop.watcher.on_fault("the arm was not homed (attempt 1 of 3)")
        for seed, outcome in ((7, 1), (8, 2)):
            answer = SimpleNamespace(outcome=outcome, duration_s=5.5, control_steps=275, late_steps=3)
            loop.watcher.on_episode(1, seed, answer)

    monkeypatch.setattr(rollouts, "run_session", run_session)
    hands: list[bool] = []
    client: Any = SimpleNamespace(stack=None, allow_takeovers=hands.append)
    done = rollouts.roll_out(client, [7, 8], said.append)
    assert [(one.seed, one.success, one.late_steps) for one in done] == [(7, True, 3), (8, False, 3)]
    assert hands == [False, True], "the expert keeps its hands off meanwhile"
    assert said[0].startswith("the arm was not homed") and said[1].endswith("seed 7: success")


def test_nodes_have_the_machine_for_themselves_and_count_as_real_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_study("nodes").real_time and not load_study("gates").real_time
    engine = make_engine("local", alone=True)
    assert isinstance(engine, LocalEngine) and engine.processes == 1
    with pytest.raises(UserError, match="engine=ray must be local: the nodes of this study"):
        make_engine("ray", alone=True)
    costs = Costs(10.0, 1.0, 2.0, 0.01, 0.02, in_real_time=30.0)
    # start, two demonstrations, two corrected episodes, ten steps each, four rollouts by the nodes
    amount = costs.of(Job(SEEN, "by_the_nodes", 0, BUDGET, "smoke"))
    assert amount == pytest.approx(10 + 2 + 4 + 0.1 + 0.2 + 4 * 30)
    text = (study.folder() / "nodes.yaml").read_text().replace("[place_images]", "[place]")
    (tmp_path / "nodes.yaml").write_text(text)
    monkeypatch.setattr(study, "folder", lambda: tmp_path)
    with pytest.raises(UserError, match=r"tasks=\['place'\] must be seen by images"):
        load_study("nodes")


def test_what_runs_in_real_time_is_not_run_again_for_equal_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "this_machine", lambda: MACHINE)
    run = Run(STUDY, "quick", None, tmp_path, Console(quiet=True))
    run.folder.mkdir()

    results.append(run.results_file, result("by_the_nodes", 0, [(True, 6.0)] * 4))
    with pytest.raises(UserError, match="must have a finished job of this machine"):
        run.again(LocalEngine(1))
