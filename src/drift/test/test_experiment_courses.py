"""What studies change besides ranks, each in one tiny job of the task that is learned in seconds."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from drift.experiment.bench import make_shell
from drift.experiment.budget import Budget
from drift.experiment.courses import equal_labels, moved, recovery
from drift.experiment.courses.course import Amount
from drift.experiment.job import JobResult, Learner, run_job
from drift.experiment.methods import METHODS
from drift.experiment.shifts import shifted
from drift.experiment.study import Job
from drift.experiment.task import StudyTask
from drift.run_folder import RunFolder
from drift_config.errors import ConfigError
from drift_core.episodes import EpisodeStore
from drift_core.policy.checkpoint import load_latest
from drift_sim.expert.delayed import Delayed
from drift_sim.expert.overlooking import Overlooking
from drift_sim.expert.random_gate import RandomGate
from drift_sim.expert.scripted import ScriptedExpert
from drift_sim.expert.supervisor import TakeoverRule
from gap_shell import TASK, gap_shell

SMALL = Budget(
    seeds=1, demonstrations=2, episodes=3, rounds=2, offline_steps=10, online_steps=10, evaluations=1
)
LONGEST = 50  # steps of an episode
Run = Callable[[str], tuple[JobResult, Path]]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run a method with seed 0, once; return its result and its folder."""
    done: dict[str, tuple[JobResult, Path]] = {}

    def run(method: str) -> tuple[JobResult, Path]:
        if method not in done:
            folder = tmp_path_factory.mktemp(method)
            done[method] = run_job(Job(TASK, method, 0, SMALL, "smoke"), folder), folder
        return done[method]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drift.experiment.job.make_shell", gap_shell)
        for course in (moved, recovery):
            patch.setattr(course, "shifted", lambda shell, name: gap_shell(TASK))
        yield run


def kinds(folder: Path) -> set[str]:
    store = EpisodeStore(folder / "episodes")
    return {store.meta(episode).kind for episode in store.ids()}


def test_directions_that_the_gradient_chooses_train_in_the_rounds(run: Run) -> None:
    done, folder = run("usv_gradient")
    assert [point.gradient_steps for point in done.points] == [10, 20, 30]
    newest = load_latest(folder / "checkpoints").info
    assert (newest.rank, newest.reason) == (0.125, "round along the gradient")


def test_as_many_labels_of_demonstrations_are_those_of_the_corrected_job_up_to_an_episode(run: Run) -> None:
    wanted = [point.labels for point in run("drift_left")[0].points]
    cut, folder = run("demonstrations_in_rounds")
    assert [point.gradient_steps for point in cut.points] == [10, 20, 30]
    assert cut.points[0].labels == wanted[0] and cut.takeovers == 0
    for found, target in zip(cut.points[1:], wanted[1:], strict=True):
        assert target <= found.labels < target + LONGEST
    assert kinds(folder) == {"demonstration", "intervention"}


def test_cloning_from_as_many_labels_makes_all_steps_at_once(run: Run) -> None:
    wanted = run("drift_left")[0].points[-1].labels
    cloned, folder = run("bc_as_many_labels")
    (point,) = cloned.points
    assert wanted <= point.labels < wanted + LONGEST and point.gradient_steps == 30
    assert kinds(folder) == {"demonstration"}


def test_labels_that_never_come_are_an_error() -> None:
    class Learned:
        labels, budget = 7, SMALL

    gathered: list[int] = []
    with pytest.raises(equal_labels.TooFewLabelsError, match="60 episodes have 7 labels, wanted are 8"):
        equal_labels._gather(Learned(), 8, count(), lambda learner, number: gathered.append(number))  # type: ignore[arg-type]
    assert gathered == list(range(60)), "twenty times three"


@pytest.mark.parametrize(("method", "trainings", "points"), [("each_episode", 3, 3), ("at_the_end", 1, 2)])
def test_each_label_is_worth_as_many_gradient_steps_whenever_they_are_made(
    run: Run, method: str, trainings: int, points: int
) -> None:
    done, folder = run(method)
    first, last = done.points[0], done.points[-1]
    # two a label (smoke.yaml); of the three episodes none is held out
    assert last.gradient_steps - first.gradient_steps == 2 * (last.labels - first.labels) > 0
    assert len(done.points) == points
    assert load_latest(folder / "checkpoints").info.version == 1 + trainings


def test_so_it_is_in_a_stream_which_without_a_clock_gives_the_same_numbers_again(
    run: Run, tmp_path: Path
) -> None:
    done, _ = run("continuous")
    job, shell = Job(TASK, "continuous", 0, SMALL, "smoke"), gap_shell(TASK)
    learner = Learner(job, shell, RunFolder(tmp_path).create(), lambda text: None)
    points = learner.run()
    shell.close()
    assert tuple(points) == done.points and learner.counts.takeovers == done.takeovers
    # also where a version was not announced, as it is worse
    assert len(learner.counts.online_s) == 2 * (points[-1].labels - points[0].labels) > 0


def test_the_old_task_is_looked_at_before_and_after_the_new_one(run: Run) -> None:
    done, _ = run("moved_left_new_alone")
    assert [point.gradient_steps for point in done.points] == [10, 20, 30, 30]
    before, *_, new, after = done.points
    assert before.labels < new.labels == after.labels


def test_after_a_change_corrections_go_on_from_the_same_policy_or_only_the_training_does(run: Run) -> None:
    done, folder = run("shifted_left")
    alone, _ = run("shifted_uncorrected")
    # before, right after, and after each of two rounds
    assert [point.gradient_steps for point in done.points] == [10, 10, 20, 30]
    assert [point.gradient_steps for point in alone.points] == [10, 10, 20, 30]
    assert done.points[:2] == alone.points[:2]
    before, after, *_, last = done.points
    assert before.labels == after.labels < last.labels
    assert {point.labels for point in alone.points} == {before.labels} and alone.takeovers == 0
    assert kinds(folder) == {"demonstration", "intervention"}


def test_what_was_spent_until_each_evaluation_is_counted_without_the_evaluations(run: Run) -> None:
    done, folder = run("shifted_left")
    store = EpisodeStore(folder / "episodes")
    steps = {
        kind: sum(len(store.read(name).steps) for name in store.ids() if store.meta(name).kind == kind)
        for kind in ("demonstration", "intervention")
    }
    first, second, *_, last = done.spent
    assert first == second and first.driven_s == first.episodes_s, "the expert drove alone"
    control_s = first.episodes_s / steps["demonstration"]
    assert last.episodes_s - first.episodes_s == pytest.approx(control_s * steps["intervention"])
    assert first.driven_s < last.driven_s < last.episodes_s
    assert last.training_s == pytest.approx(done.training_s) and first.training_s < last.training_s


def test_parts_of_the_corrected_episodes_by_hand() -> None:
    job = Job(TASK, "drift_left", 3, replace(SMALL, episodes=5), "smoke")
    assert job.demonstrated == range(30_000, 30_002) and job.first_further == 32_000
    # 2.5 is rounded to the even 2
    assert job.corrected == [range(35_000, 35_002), range(35_002, 35_005)]
    assert job.corrected_in(1) == [range(35_000, 35_005)]
    assert [len(part) for part in job.corrected_in(5)] == [1] * 5


def test_a_random_gate_goes_on_where_the_corrected_episodes_began() -> None:
    class Corrected:
        job = Job(TASK, "at_random", 1, SMALL, "smoke")
        seeds: list[int] = []

        def correct(self, seeds: list[int]) -> None:
            self.seeds.extend(seeds)

    learner = Corrected()
    for number in range(4):
        equal_labels.correct(learner, number)  # type: ignore[arg-type]
    assert learner.seeds == [15_000, 15_001, 15_002, 15_003]


def test_methods_of_gates_have_persons_of_their_own_and_the_new_task_has_changed_sides() -> None:
    shell = make_shell(TASK)
    rules = {
        "drift_left": TakeoverRule,
        "by_cosine": TakeoverRule,
        "late": Delayed,
        "overlooking": Overlooking,
        "shaking": TakeoverRule,
        "at_random": RandomGate,
    }
    for name, rule in rules.items():
        expert = METHODS[name].corrects(shell, 0)
        assert isinstance(expert, ScriptedExpert) and type(expert._supervisor) is rule
        assert (expert._disagreement is not None) == (name == "by_cosine")
        assert expert._person.shakes == (name == "shaking")
    new = shifted(shell, "sides")
    for seed in range(5):
        new.environment.reset(seed)
        truth = new.environment.truth()
        # config/tasks/place.yaml: the goal's region is y from 0.09 to 0.19, the object's from -0.13 to 0
        assert 0.09 <= truth.object.position[1] <= 0.19 and -0.13 <= truth.goal.position[1] <= 0.0
    assert new.task.name == shell.task.name, "one policy learns both"
    new.close()
    shell.close()


def test_another_box_or_arm_stands_where_the_old_one_was() -> None:
    shell = make_shell(StudyTask("place", "hand"))
    box, arm = shifted(shell, "box"), shifted(shell, "arm")
    try:
        seen = [
            one.environment.observe().learned for one in (shell, box, arm) if not one.environment.reset(0)
        ]
        # hand, then object: the centre of the cube is 20 mm high, that of the box 35 mm
        assert [round(each[11], 3) for each in seen] == [0.02, 0.035, 0.02]
        for other in seen[1:]:
            assert other[9:11] == pytest.approx(seen[0][9:11]) and other[:9] == pytest.approx(
                seen[0][:9], abs=2e-3
            )
        assert [one.environment.robot.n_joints for one in (shell, arm)] == [7, 6]
        states = [
            one.environment.arm.state(each, 0.05) for one, each in zip((shell, arm), seen[::2], strict=True)
        ]
        assert states[0].shape == states[1].shape == (10 + 27,), "one policy drives both"
        assert shell.environment.arm.name == arm.environment.arm.name == "hand"
        with pytest.raises(ConfigError, match="robot=ur5e must be another one"):
            shifted(arm, "arm")
    finally:
        for one in (shell, box, arm):
            one.close()


def test_a_moved_camera_sees_the_same_things_elsewhere_in_the_picture() -> None:
    shell = make_shell(StudyTask("place", "images"))
    moved = shifted(shell, "camera")
    try:
        pictures = []
        for one in (shell, moved):
            one.environment.reset(0)
            pictures.append({name: one.environment.picture(name) for name in ("front", "wrist")})
        before, after = pictures
        assert np.array_equal(before["wrist"], after["wrist"])
        assert not np.array_equal(before["front"], after["front"])
    finally:
        moved.close()
        shell.close()


def test_tasks_of_others_have_neither_other_persons_nor_sides_to_change() -> None:
    shell = gap_shell(TASK)
    try:
        with pytest.raises(ConfigError, match="task=gap.* must be one of ours"):
            METHODS["late"].corrects(shell, 0)
        with pytest.raises(ConfigError, match="task=gap.* must be one of ours to be changed"):
            shifted(shell, "sides")
    finally:
        shell.close()


def test_the_amounts_of_courses_by_hand() -> None:
    budget = replace(SMALL, evaluations=4, last_evaluations=10)
    names = ("drift_left", "at_random", "moved_left", "shifted_left", "shifted_uncorrected")
    said = {name: METHODS[name].course.amount(budget) for name in names}
    # three corrected episodes, four rollouts twice, ten at the end
    assert (said["drift_left"].demonstrations, said["drift_left"].driven) == (2, 3 + 2 * 4 + 10)
    # beside it the gate by deviation: two demonstrations, three episodes, and no training after the last one
    assert said["at_random"] == replace(said["drift_left"], beside=Amount(2, 3, 10, 10))
    # ten before, four after one round, ten after the other, ten on the old task
    assert (said["moved_left"].demonstrations, said["moved_left"].driven) == (2, 3 + 10 + 4 + 10 + 10)
    # ten before, ten right after, four and ten; without corrections three episodes less
    assert (said["shifted_left"].demonstrations, said["shifted_left"].driven) == (2, 10 + 10 + 3 + 4 + 10)
    assert said["shifted_uncorrected"] == replace(said["shifted_left"], driven=10 + 10 + 4 + 10)
