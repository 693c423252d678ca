"""What is wanted of the studies: each bar by hand, met, not met, and not run."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from drift.experiment.bars import Bar, _one_recipe, bars
from drift.experiment.budget import Budget, Budgets
from drift.experiment.job import JobResult, Point
from drift.experiment.results import Machine, Result
from drift.experiment.study import Job, Study
from drift.experiment.table import Row
from drift.experiment.task import StudyTask, TaskFile

BUDGET = Budget(
    seeds=2, demonstrations=2, episodes=60, rounds=1, offline_steps=20, online_steps=20, evaluations=1
)
METHODS = ("bc", "hg_dagger", "drift_left")
STUDY = Study("main_table", "Main", "demo", METHODS, "hg_dagger", ("place",), Budgets(BUDGET, BUDGET))
UNET = replace(STUDY, name="unet", train="demo_unet")
MACHINE = Machine("a processor", 2, "an OS", "3.11")
PLACE = StudyTask("place", "state")


def result(
    method: str,
    seed: int,
    points: Sequence[tuple[int, int]],
    rollouts: int = 100,
    training_s: float = 100.0,
    online_ms: float = 10.0,
    duration_s: float = 600.0,
    task: StudyTask = PLACE,
) -> Result:
    """`points`: labels and how many of the rollouts succeeded."""
    made = tuple(
        Point(labels, 40, (True,) * good + (False,) * (rollouts - good), 6.0) for labels, good in points
    )
    done = JobResult(made, 1, 4.0, online_ms, training_s, duration_s, (), {})
    return Result(
        1, "main_table", "full", Job(task, method, seed, BUDGET, "demo"), done, MACHINE, "", False, "drift"
    )


def judged(text: str, results: Sequence[Result], study: Study = STUDY, again: Sequence[Result] = ()) -> Bar:
    """Return the one bar that begins with `text`."""
    found = bars([study], {(study.name, "full"): results}, again)
    (bar,) = (bar for bar in found if bar.text.startswith(text))
    return bar


def two(method: str, points: Sequence[tuple[int, int]], **more: float) -> list[Result]:
    """Both seeds of a method, which gave the same."""
    return [result(method, seed, points, **more) for seed in range(2)]  # type: ignore[arg-type]


def test_nothing_that_has_not_run_is_met() -> None:
    found = bars([STUDY, UNET], {})
    assert {bar.verdict for bar in found} == {"not run"}
    assert len({bar.text for bar in found}) == len(found) == 8


def test_one_seed_of_two_decides_nothing() -> None:
    bar = judged("`place`: at least", two("drift_left", [(400, 100)])[:1])
    assert (bar.verdict, bar.why) == (
        "not run",
        "place from state: 100/100 = 100 % [96, 100], 10 minutes, 1 of 2 seeds",
    )


@pytest.mark.parametrize(
    ("points", "duration_s", "verdict", "why"),
    [
        # 96 + 96 of 200: Wilson's lower bound of 96 % is 92 %
        ([(300, 20), (500, 96)], 900.0, "met", "192/200 = 96 % [92, 98]"),
        ([(300, 20), (501, 96)], 900.0, "not met", "40/200 = 20 % [15, 26]"),
        ([(300, 20), (500, 94)], 900.0, "not met", "188/200 = 94 % [90, 97]"),
        ([(300, 20), (500, 96)], 901.0, "not met", "15 minutes"),
        ([(900, 20), (1500, 96)], 900.0, "not met", "900 labels before the first correction"),
    ],
)
def test_place_is_to_be_learned_from_few_labels_in_a_quarter_of_an_hour(
    points: list[tuple[int, int]], duration_s: float, verdict: str, why: str
) -> None:
    bar = judged("`place`: at least", two("drift_left", points, duration_s=duration_s))
    assert bar.verdict == verdict and why in bar.why


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[TaskFile]:
    """Five tasks, which the study has."""
    arms = ("panda", "fr3", "ur3e", "ur5e", "ur10e")
    made = [TaskFile("place", StudyTask("place", "state", robot=arm)) for arm in arms]
    monkeypatch.setattr(Study, "files", property(lambda self: tuple(made)))
    return made


def test_labels_until_as_good_as_cloning_are_to_be_two_thirds_on_two_tasks(files: list[TaskFile]) -> None:
    # cloning: 80 % from 1000 labels
    soon, late, never = (
        [(300, 20), (660, 80), (900, 90)],
        [(300, 20), (670, 80), (900, 90)],
        [(300, 20), (660, 79)],
    )

    def compared(*curves: list[tuple[int, int]]) -> Bar:
        results = [
            result(method, seed, points, task=file.task)
            for curve, file in zip(curves, files, strict=False)
            for method, points in (("bc", [(1000, 80)]), ("drift_left", curve))
            for seed in range(2)
        ]
        return judged("labels of DRIFT-DAgger", results)

    assert compared(soon, late, never).why == (
        "place from state: 0.66, 2 of 2 seeds; place with fr3 from state: 0.67, 2 of 2 seeds; "
        "place with ur3e from state: not as good, 2 of 2 seeds"
    )
    verdicts = [compared(*curves).verdict for curves in ((soon,), (soon, soon), (soon, late, never, never))]
    assert verdicts == ["not run", "met", "not run"], "the fifth may be the second"
    assert compared(late, late, never, never).verdict == "not met"


def test_a_comparison_is_met_on_four_of_five_tasks_and_lost_with_two(files: list[TaskFile]) -> None:
    def compared(lost: int, tried: int = 5) -> str:
        # 30 of each 100 rollouts lost: a difference of -30 points; none: exactly 0
        return judged(
            "DRIFT-DAgger less",
            [
                result(
                    method, seed, [(500, 60 if method == "drift_left" and number < lost else 90)], task=f.task
                )
                for number, f in enumerate(files[:tried])
                for method in ("hg_dagger", "drift_left")
                for seed in range(2)
            ],
        ).verdict

    assert [compared(lost) for lost in (0, 1, 2)] == ["met", "met", "not met"]
    assert [compared(0, tried=3), compared(0, tried=4), compared(2, tried=2)] == ["not run", "met", "not met"]


def test_a_comparison_of_too_few_rollouts_decides_nothing() -> None:
    results = two("hg_dagger", [(500, 50)], rollouts=99) + two("drift_left", [(500, 50)], rollouts=99)
    bar = judged("DRIFT-DAgger less", results)
    assert bar.why == "place from state: +0 [+0, +0], 2 of 2 seeds, 99 rollouts of each"
    assert bar.verdict == "not run"


@pytest.mark.parametrize(
    ("training_s", "online_ms", "verdict"),
    [(88.0, 8.2, "met"), (89.0, 8.2, "not met"), (88.0, 8.3, "not met")],
)
def test_training_is_to_be_cheaper_with_the_u_net(training_s: float, online_ms: float, verdict: str) -> None:
    ours = two("drift_left", [(500, 50)], training_s=training_s, online_ms=online_ms)
    both = [*ours, *two("hg_dagger", [(500, 50)])]
    assert judged("training time with the U-Net S", both, UNET).verdict == verdict
    assert judged("training time with the U-Net S", both, STUDY).verdict == "not run", "that is no U-Net"


def test_insert_is_to_be_learned_with_both_arms() -> None:
    files = [StudyTask("insert", "images", robot=arm) for arm in ("panda", "ur5e")]
    rows = [TaskFile("insert", task) for task in files]
    assert [file.task.name for file in rows] == ["insert from images", "insert with ur5e from images"]

    def learned(*good: int) -> str:
        # 70 of 100 twice: 140 of 200, lower bound 63 %
        table = [
            Row(
                f,
                "drift_left",
                tuple(result("drift_left", s, [(500, n)], task=f.task) for s in (0, 1)),
                2,
                None,
                None,
            )
            for f, n in zip(rows, good, strict=False)
        ]
        return _one_recipe(table).verdict

    assert [learned(70, 70), learned(70, 69), learned(70)] == ["met", "not met", "not run"]


def test_a_quick_study_takes_ten_minutes_on_two_cores_and_all_of_it_has_to_run() -> None:
    def took(duration_s: float, methods: Sequence[str] = METHODS) -> str:
        done = [result(method, 0, [(500, 50)], duration_s=duration_s) for method in methods]
        (bar,) = (b for b in bars([STUDY], {("main_table", "quick"): done}) if b.text.startswith("the quick"))
        return bar.verdict

    assert [took(400.0), took(401.0), took(400.0, METHODS[:2])] == ["met", "not met", "not run"]


def test_a_job_that_was_run_again_gives_the_same_numbers_or_not() -> None:
    first = result("bc", 0, [(500, 50)])
    slower = replace(first, result=replace(first.result, duration_s=1200.0))
    other = result("bc", 0, [(500, 51)])
    text = "the same command and seed"
    assert judged(text, [first], again=[slower]).verdict == "met"
    assert judged(text, [first], again=[slower, other]).verdict == "not met"
    elsewhere = replace(other, machine=replace(MACHINE, processor="another"))
    assert judged(text, [first], again=[elsewhere]).verdict == "not run"
    changed = judged(text, [first], again=[replace(other, commit="0123")])
    assert changed.verdict == "not run", "the code may have been changed for that"
    assert changed.why == "place from state, bc, seed 0: others at another commit"
