"""Studies: what a file may say, results as lines, tables by hand, what is resumed, and what is refused."""

import json
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from drift.commands import experiment
from drift.configuration import config_file, share_folder
from drift.errors import UserError
from drift.experiment import document, gradient_round, methods, results, study
from drift.experiment.bench import make_shell
from drift.experiment.budget import Budget, Budgets, Changes
from drift.experiment.engine import Ran, make_engine
from drift.experiment.estimate import Costs, estimate_s
from drift.experiment.foreign import Foreign
from drift.experiment.job import JobResult, Point, recipe, run_job
from drift.experiment.methods import METHODS
from drift.experiment.page import write_page
from drift.experiment.results import Machine, Result
from drift.experiment.run import Run
from drift.experiment.study import Job, Study, jobs, load_study
from drift.experiment.table import cells, holm, mcnemar, on_the_way, rows
from drift.experiment.task import StudyTask, TaskFile, load_task_file
from drift_config.errors import ConfigError
from drift_config.loader import parse, to_plain
from drift_core.rank.adaptive import AdaptiveRank
from drift_core.training.config import Ranks, load_train_file
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell
from rich.console import Console

SMALL = Budget(
    seeds=2, demonstrations=2, episodes=1, rounds=1, offline_steps=20, online_steps=20, evaluations=1
)
TASK = StudyTask("place", "state")
STUDY = Study(
    "tiny", "Tiny", "smoke", ("hg_dagger", "drift_left"), "hg_dagger", ("place",), Budgets(SMALL, SMALL)
)
MACHINE = Machine("a processor", 2, "an OS", "3.11")


def result(method: str, seed: int, success: tuple[bool, ...], labels: int = 100) -> Result:
    point = Point(labels, 40, success, 6.0 if any(success) else None)
    done = JobResult((point,), 1, 4.0, None, 10.0, 20.0, (), {"torch": "2"})
    job = Job(TASK, method, seed, SMALL, "smoke")
    return Result(1, "tiny", "quick", job, done, MACHINE, "0123456789abcdef", False, "drift experiment tiny")


@pytest.mark.parametrize("path", sorted(study.folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_can_be_read_and_says_which_jobs_it_has(path: Path) -> None:
    loaded = load_study(path.stem)
    for name in ("quick", "full"):
        listed = jobs(loaded, name)  # type: ignore[arg-type]
        seeds = getattr(loaded.budgets, name).seeds
        assert len(listed) == seeds * len(loaded.tasks) * len(loaded.methods)


def test_jobs_come_seed_by_seed_so_that_methods_stay_even() -> None:
    assert [(job.seed, job.method) for job in jobs(STUDY, "quick")] == [
        (0, "hg_dagger"),
        (0, "drift_left"),
        (1, "hg_dagger"),
        (1, "drift_left"),
    ]


def test_a_task_has_the_budget_of_its_study_but_for_what_it_needs_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = TaskFile("place", TASK, full=Changes(demonstrations=7, last_evaluations=9))
    assert STUDY.budget("quick", file) == SMALL
    changed = STUDY.budget("full", file)
    assert (changed.demonstrations, changed.episodes, changed.at_the_end, SMALL.at_the_end) == (7, 1, 9, 1)
    with pytest.raises(ConfigError, match="rounds=2 must be at most episodes=1"):
        STUDY.budget("quick", TaskFile("place", TASK, quick=Changes(rounds=2)))
    with pytest.raises(UserError, match="task=juggle must be one of: .*place"):
        load_task_file("juggle")


def test_more_seeds_of_a_study_do_not_undo_those_that_ran() -> None:
    more = replace(STUDY, budgets=Budgets(replace(SMALL, seeds=3), SMALL))
    done = [result("hg_dagger", 0, (True,)), result("drift_left", 1, (True,))]
    left = results.missing(jobs(more, "quick", tasks=["place"]), done)
    assert [(job.seed, job.method) for job in left] == [
        (0, "drift_left"),
        (1, "hg_dagger"),
        (2, "hg_dagger"),
        (2, "drift_left"),
    ]
    assert len(jobs(more, "quick", seeds=1)) == 2


def test_results_of_another_budget_or_study_are_not_mixed_in() -> None:
    whole = [result("hg_dagger", 0, (True,)), result("drift_left", 0, (True,))]
    results.check_equal(whole, STUDY, "tiny.jsonl")
    other = replace(whole[1], job=replace(whole[1].job, budget=replace(SMALL, demonstrations=3)))
    with pytest.raises(
        ConfigError, match="tiny.jsonl:2: place from state, drift_left, seed 0 must have the bud"
    ):
        results.check_equal([whole[0], other], STUDY, "tiny.jsonl")
    assert results.of_study([whole[0], other], STUDY, "quick") == [whole[0]]
    cloned = replace(whole[0], job=replace(whole[0].job, method="bc"))
    with pytest.raises(ConfigError, match="tiny.jsonl:1: .* must be of study=tiny as it is now"):
        results.check_equal([cloned], STUDY, "tiny.jsonl")


def test_every_method_does_as_many_gradient_steps() -> None:
    budget = replace(SMALL, rounds=3, episodes=3)
    for name, method in METHODS.items():
        amount, file = method.course.amount(budget), recipe(Job(TASK, name, 0, budget, "demo"))
        assert (amount.offline_steps, amount.online_steps) in [(20, 60), (80, 0)]
        assert (file.offline.steps, file.online.steps) == (amount.offline_steps, 20)


def ranks(method: str, offline_steps: int = 2000) -> Ranks:
    """Return what a method makes of the ranks of config/train/demo.yaml."""
    budget = replace(SMALL, offline_steps=offline_steps, online_steps=2400)
    return recipe(Job(TASK, method, 0, budget, "demo")).rank


def test_the_main_table_compares_full_and_low_ranks() -> None:
    names = ("bc", "hg_dagger", "lora", "drift_left")
    assert [ranks(name).online(0) for name in names] == [1.0, 1.0, 0.125, 0.125]
    assert [ranks(name).offline(10**6) for name in names] == [1.0, 1.0, 1.0, 0.125]
    assert ranks("drift_left").online == load_train_file(config_file("train", "demo")).rank.online
    assert ranks("drift_left").modulation.policy == "fast"


@pytest.mark.parametrize(
    ("method", "fractions"),
    [
        # halfway, i = 10 of T = 20 units, and at the end; 1/8 + 7/8 of what is left
        ("exact", (0.5625, 0.125)),
        ("sigmoid_slow", (0.5625, 0.125)),
        ("linear", (0.5625, 0.125)),
        ("cosine", (0.5625, 0.125)),
        ("exponential", (0.125 + 0.875 * 0.0067379, 0.125)),  # exp(-5)
        ("exponential_slow", (0.125 + 0.875 * 0.3678794, 0.125)),  # exp(-1)
        ("logarithmic", (0.125 + 0.875 * 0.4898617, 0.125)),  # 1 / (1 + log10(11))
        ("to_32nd", (0.515625, 0.03125)),
        ("to_16th", (0.53125, 0.0625)),
        ("to_4th", (0.625, 0.25)),
        ("to_half", (0.75, 0.5)),
        ("adaptive", (0.5625, 0.125)),
    ],
)
def test_schedules_differ_in_the_way_or_in_the_end_and_the_rounds_train_at_the_end(
    method: str, fractions: tuple[float, float]
) -> None:
    made = ranks(method)
    assert (made.offline(1000), made.offline(2000)) == pytest.approx(fractions, abs=1e-6)
    assert made.online(0) == fractions[1]
    assert made.modulation.policy == "exact", "fast would train wide layers whole"
    shorter = ranks(method, offline_steps=200)
    assert shorter.offline(100) == pytest.approx(fractions[0], abs=1e-6)


def test_the_adaptive_rank_is_looked_at_eight_times_in_a_round() -> None:
    online = ranks("adaptive").online
    assert isinstance(online, AdaptiveRank)
    assert (online.lowest, online.start, online.highest, online.every) == (0.03125, 0.125, 0.25, 300)


def test_subspaces_differ_in_the_rounds_alone() -> None:
    said = {
        name: (made.modulation.form, made.modulation.subspace, made.online(0), made.offline(0))
        for name in METHODS
        if name.startswith(("left_", "usv_"))
        for made in [ranks(name)]
    }
    assert said == {
        "left_top": ("left", "top", 0.125, 1.0),
        "left_random": ("left", "random", 0.125, 1.0),
        "left_gradient": ("left", "top", 0.125, 1.0),
        "left_top_32nd": ("left", "top", 0.03125, 1.0),
        "left_random_32nd": ("left", "random", 0.03125, 1.0),
        "left_gradient_32nd": ("left", "top", 0.03125, 1.0),
        "usv_top": ("usv", "top", 0.125, 1.0),
        "usv_random": ("usv", "random", 0.125, 1.0),
        "usv_gradient": ("usv", "top", 0.125, 1.0),
    }
    turned = [name for name, method in METHODS.items() if method.online is gradient_round.train]
    assert turned == ["left_gradient", "left_gradient_32nd", "usv_gradient"]


def test_results_come_back_as_they_were_written_and_half_a_line_is_no_result(tmp_path: Path) -> None:
    path, written = (
        tmp_path / "results.jsonl",
        [result("hg_dagger", 0, (True, False)), result("bc", 1, (True,))],
    )
    for line in written:
        results.append(path, line)
    whole = path.read_text()
    path.write_text(whole + '{"schema": 1, "stu')  # killed here
    assert results.read(path) == written
    assert path.read_text() == whole
    left = results.missing(jobs(STUDY, "quick"), written)
    assert [(job.seed, job.method) for job in left] == [
        (0, "drift_left"),
        (1, "hg_dagger"),
        (1, "drift_left"),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"schema": 2}, r"results.jsonl:1: schema=2 must be 1"),
        ({}, "schema=None must be 1"),
        ([], "schema=None must be 1"),
        ({"schema": 1, "study": "tiny"}, "job"),
    ],
)
def test_results_of_another_schema_are_refused_by_line(tmp_path: Path, line: Any, why: str) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(ConfigError, match=why):
        results.read(path)


def test_the_table_pairs_seeds_and_places_and_says_what_has_not_run() -> None:
    done = [
        result("hg_dagger", 0, (True, False, False, False), labels=90),
        result("hg_dagger", 1, (False, False, False, True), labels=110),
        result("drift_left", 1, (True, True, True, True)),
    ]
    base, other = rows(STUDY, "quick", done)
    assert (base.rate.successes, base.rate.trials, base.difference) == (2, 8, None)
    # of seed 1 alone: three gained, none lost; three heads of three or more extreme: 2 / 2^3
    assert other.difference is not None and other.difference.value == 0.75
    assert other.p == pytest.approx(0.25)
    text = cells([base, other])
    assert text[1][2:5] == ("2 of 2", "2/8 = 25 % [7, 59]", "100")
    assert (base.complete, other.complete, other.seeds) == (True, False, "1 of 2")
    assert text[2][-1] == "0.25"
    assert cells(rows(STUDY, "quick", []))[1][2] == "has not run"


def test_success_on_the_way_is_over_the_labels_until_then_all_seeds_together() -> None:
    def learned(method: str, seed: int, *points: Point) -> Result:
        one = result(method, seed, (True,))
        return replace(one, result=replace(one.result, points=points))

    done = [
        learned("hg_dagger", 0, Point(90, 20, (True, False), 6.0), Point(120, 40, (True, True), 6.0)),
        learned("hg_dagger", 1, Point(110, 20, (False, False), None), Point(141, 40, (True, False), 6.0)),
        learned("drift_left", 0, Point(90, 60, (True, True), 6.0)),
    ]
    assert on_the_way(rows(STUDY, "quick", done))[1:] == [
        # 90 and 110, 120 and 141 on average; 1 of 4 and 3 of 4
        ("place from state", "HG-DAgger at full rank", "100: 25 %, 130: 75 %")
    ], "what has trained once has nothing on the way"


def test_p_values_by_hand() -> None:
    # 5 lost, 1 gained: 2 (C(6,0) + C(6,1)) / 2^6 = 14 / 64
    before, after = [True] * 5 + [False] + [True] * 3, [False] * 5 + [True] + [True] * 3
    assert mcnemar(before, after) == pytest.approx(14 / 64)
    assert mcnemar([True, False], [True, False]) == 1.0
    # Holm: 3 * 0.01; 2 * 0.03; then at least as large as that
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


def test_the_page_and_the_document_name_the_command_of_every_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = [result("hg_dagger", 0, (True, False)), result("drift_left", 0, (True, True))]
    write_page(tmp_path / "index.html", STUDY, "quick", done)
    page = (tmp_path / "index.html").read_text()
    assert "drift experiment tiny" in page and "0123456789ab" in page and "<svg" in page
    monkeypatch.setattr(document, "folder", lambda: tmp_path)
    monkeypatch.setattr(document, "load_study", lambda name: STUDY)
    (tmp_path / "tiny.yaml").touch()
    (tmp_path / "results").mkdir()
    for line in done:
        results.append(tmp_path / "results" / "tiny_quick.jsonl", line)
    text = document.document()
    command = "drift experiment tiny --budget full --task place"
    assert f"Budget full: place from state has not run. `{command}`" in text
    assert "| place from state | DRIFT-DAgger, form left | 1 of 2 | 2/2 = 100 % [34, 100] | 100 |" in text
    assert "labels: success after each training" not in text, "they have trained once"
    assert "| place from state | 2 | 1 in 1 rounds | 20, and 20 per round | 1 |" in text
    assert "| drift experiment tiny | 0123456789ab | a processor, 2 cores | 2 |" in text


def test_the_committed_document_is_that_of_the_committed_results() -> None:
    assert (share_folder() / "docs" / "results.md").read_text() == document.document()


class Instant:
    """An engine whose jobs are done at once, but for those that fail."""

    processes = 2

    def __init__(self, failing: int = 0) -> None:
        self.ran: list[Job] = []
        self.failing = failing

    def run(self, work: list[tuple[Job, Path]], on_done: Any) -> None:
        for job, _ in work:
            self.ran.append(job)
            failed = len(self.ran) <= self.failing
            done = result(job.method, job.seed, (True,)).result
            on_done(job, "it broke" if failed else Ran(done, MACHINE))


def test_a_run_keeps_what_is_done_and_does_the_rest_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift.experiment.run.estimate_s", lambda *_: 90.0)
    first, console = Instant(failing=3), Console(quiet=True)
    failed = Run(STUDY, "quick", None, tmp_path, console).run(first, resume=False)  # type: ignore[arg-type]
    assert failed == first.ran[:3] and len(first.ran) == 4
    with pytest.raises(UserError, match="give --resume to go on with it"):
        Run(STUDY, "quick", None, tmp_path, console).run(first, resume=False)  # type: ignore[arg-type]
    second, run = Instant(), Run(STUDY, "quick", None, tmp_path, console)
    assert run.run(second, resume=True) == []  # type: ignore[arg-type]
    assert second.ran == failed
    assert len(results.read(run.results_file)) == 4
    assert (run.folder / "index.html").is_file()


def test_the_shortest_job_of_this_machine_is_run_once_more_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "this_machine", lambda: MACHINE)
    run = Run(STUDY, "quick", None, tmp_path, Console(quiet=True))
    with pytest.raises(
        UserError, match="results.jsonl must have a finished job of this machine .a processor"
    ):
        run.again(Instant())  # type: ignore[arg-type]
    run.folder.mkdir()
    for method, seed, duration_s, machine in (
        ("hg_dagger", 0, 20.0, MACHINE),
        ("drift_left", 1, 15.0, MACHINE),
        ("hg_dagger", 1, 10.0, replace(MACHINE, cores=4)),
    ):
        one = result(method, seed, (True,))
        done = replace(one.result, duration_s=duration_s)
        results.append(run.results_file, replace(one, result=done, machine=machine))
    engine = Instant()
    assert run.again(engine) is True  # type: ignore[arg-type]
    assert [(job.method, job.seed) for job in engine.ran] == [("drift_left", 1)]
    (line,) = results.read(run.folder / "again.jsonl")
    assert line.job == engine.ran[0] and len(results.read(run.results_file)) == 3
    assert run.again(Instant(failing=1)) is False  # type: ignore[arg-type]


def test_only_what_follows_from_the_seed_is_compared() -> None:
    one = result("bc", 0, (True, False))
    slower = replace(one, result=replace(one.result, duration_s=40.0, training_s=20.0))
    assert results.differing(one, slower) == []
    assert results.differing(one, result("bc", 0, (True, True))) == ["points"]
    busier = replace(one, result=replace(one.result, takeovers=2), machine=replace(MACHINE, cores=4))
    assert results.differing(one, busier) == ["machine", "takeovers"]


def test_the_estimate_by_hand() -> None:
    costs = Costs(start=10.0, demonstration=1.0, driven=2.0, offline_step=0.01, online_step=0.02)
    budget = Budget(
        seeds=1,
        demonstrations=5,
        episodes=6,
        rounds=3,
        offline_steps=100,
        online_steps=50,
        evaluations=4,
        last_evaluations=20,
    )
    corrected = Job(TASK, "drift_left", 0, budget, "demo")
    # start, 5 demonstrations, 6 corrected and 3 * 4 + 20 other episodes, 100 steps and 3 * 50 steps
    assert costs.of(corrected) == pytest.approx(10 + 5 * 1 + 38 * 2 + 100 * 0.01 + 150 * 0.02)
    # cloning: 11 demonstrations, 20 rollouts, all steps offline
    assert costs.of(replace(corrected, method="bc")) == pytest.approx(10 + 11 * 1 + 20 * 2 + 250 * 0.01)
    # as many labels as corrections have: these beside it, with two rounds of training of the three
    beside = 5 * 1 + 6 * 2 + 100 * 0.01 + 2 * 50 * 0.02
    wanted = pytest.approx(10 + 11 * 1 + 20 * 2 + 250 * 0.01 + beside)
    assert costs.of(replace(corrected, method="bc_as_many_labels")) == wanted


def test_the_estimate_counts_what_each_task_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    other, texts = replace(TASK, robot="ur5e"), []
    costs = {TASK: Costs(0.0, 0.0, 30.0, 0.0, 0.0), other: Costs(0.0, 0.0, 60.0, 0.0, 0.0)}
    monkeypatch.setattr("drift.experiment.estimate._try", lambda job: costs[job.task])
    both = [Job(task, "hg_dagger", seed, SMALL, "demo") for task in (TASK, other) for seed in range(2)]
    # three episodes of a policy a job: 2 * 90 s and 2 * 180 s in two processes
    assert estimate_s(both, 2, texts.append) == pytest.approx(270.0)
    assert estimate_s(both, 8, texts.append) == pytest.approx(180.0), "no job is split"
    assert any(text.endswith("a job at most 3 minutes") for text in texts)


def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "drift.experiment.ray_engine", raising=False)
    why = "engine=ray needs ray, which is not installed; .* pip install -r setup/requirements/ray.txt"
    with pytest.raises(UserError, match=why):
        make_engine("ray")
    assert (share_folder() / "setup" / "requirements" / "ray.txt").read_text().splitlines()[
        -1
    ] == "ray==2.60.0"


def test_a_study_whose_environments_are_not_installed_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Foreign, "installed", property(lambda self: False))
    run = Run(load_study("main_table"), "quick", None, tmp_path, Console(quiet=True))
    why = "setup metaworld; without it: --task place --task insert"
    with pytest.raises(UserError, match=why):
        run.run(Instant(), resume=False)  # type: ignore[arg-type]
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"name": "no_study"},
            "study=no_study must be one of: forgetting, gates, labels, main_table, nodes, recipe, schedules, "
            "shift",
        ),
        ({"name": "main_table", "task": ["juggle"]}, "task=juggle must be one of: place, insert, lift, push"),
        ({"name": "main_table", "seeds": 0}, "seeds=0 must be at least 1"),
        ({"name": "main_table", "budget": "long"}, "budget=long must be one of: quick, full"),
        ({"name": "main_table", "engine": "slurm"}, "engine=slurm must be one of: local, ray"),
        ({"name": "main_table", "again": True, "resume": True}, "again=true must be without --resume"),
        ({"name": "main_table", "environment": "pusht"}, "environment=pusht must come after setup only"),
    ],
)
def test_bad_arguments_are_refused_with_what_is_allowed(options: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=why):
        experiment.main(**options)


def test_methods_that_change_our_scenes_are_refused_with_tasks_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (study.folder() / "gates.yaml").read_text().replace("tasks: [place]", "tasks: [place, push]")
    (tmp_path / "gates.yaml").write_text(text)
    monkeypatch.setattr(study, "folder", lambda: tmp_path)
    why = r"tasks=\['push'\] must be ours for methods=\['by_cosine', 'late', 'overlooking', 'shaking', 'at_r"
    with pytest.raises(UserError, match=why):
        load_study("gates")


def test_what_changes_and_methods_that_learn_it_come_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (study.folder() / "shift.yaml").read_text()
    monkeypatch.setattr(study, "folder", lambda: tmp_path)
    for old, new, why in (
        ("place_new_box", "place", r"tasks=\['place_new_arm', 'place_moved_camera'\] do"),
        ("shifted_left", "drift_left", r"methods=\['shifted_full', 'shifted_uncorrected'\] do"),
    ):
        (tmp_path / "shift.yaml").write_text(text.replace(old, new))
        with pytest.raises(UserError, match=f"either all tasks must say what changes .*{why}"):
            load_study("shift")


def test_no_two_methods_have_one_name() -> None:
    files = sorted(Path(methods.__path__[0]).glob("*.py"))
    axes = [import_module(f"drift.experiment.methods.{file.stem}") for file in files if file.stem[0] != "_"]
    listed = [name for axis in axes for name in getattr(axis, "METHODS", ())]
    assert sorted(listed) == sorted(METHODS), "each file is named, and each name once"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"methods": ["hg_dagger", "ppo"]}, "method=ppo must be one of: bc, hg_dagger, lora, drift_left"),
        ({"methods": ["bc"]}, "compare_with=hg_dagger must be one of methods"),
        ({"train": "none"}, "train=none must be one of: default, demo"),
        ({"tasks": ["place", "place"]}, r"tasks=\['place', 'place'\] must differ"),
        ({"tasks": ["juggle"]}, "task=juggle must be one of: insert, insert_images, "),
    ],
)
def test_a_study_that_cannot_be_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse(to_plain(STUDY) | changed, Study, source="tiny.yaml")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"task": "juggle"}, "task=juggle must be one of: fork, insert, place"),
        ({"then": "moon"}, "then=moon must be one of: camera, box, arm, sides"),
        ({"then": "camera"}, "sees=state must be one of: images, with then=camera"),
        ({"sees": "hand", "environment": "pusht"}, "sees=hand must be state or images with a task of others"),
        ({"environment": "gym"}, "environment=gym must be one of: drift, metaworld, pusht, robosuite"),
        ({"setting": {}}, "setting must be left out with a task of ours: config/tasks/place.yaml"),
        (
            {"environment": "robosuite", "setting": {"take_over": {"cosine": 2.0}}},
            "setting.take_over.cosine=2.0 must be less than or equal to 1",
        ),
    ],
)
def test_a_task_that_there_is_not_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse(to_plain(TASK) | changed, StudyTask, source="tiny.yaml")


def test_a_job_learns_from_demonstrations_and_corrections_through_the_nodes_own_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(task: StudyTask) -> Shell:
        cell = make_shell(task).environment
        assert isinstance(cell, ArmCell)
        cell.task = replace(cell.task, max_duration_s=5.0)
        return Shell(cell)

    monkeypatch.setattr("drift.experiment.job.make_shell", short)
    done = run_job(Job(TASK, "drift_left", 0, SMALL, "smoke"), tmp_path / "job")
    first, second = done.points
    assert (first.gradient_steps, second.gradient_steps) == (20, 40)
    assert 0 < first.labels < second.labels
    assert done.takeovers > 0, "a policy of 20 steps strays"
    assert [len(point.success) for point in done.points] == [1, 1]
    assert done.offline_batch_ms > 0 and done.online_batch_ms is not None
    assert done.faults == ()
    assert isinstance(make_engine("local").processes, int)
