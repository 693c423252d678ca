"""What the report of a demo shows: how the policy gets on, and a film of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from drift.configuration import config_file
from drift.demo import figures
from drift.demo.film import corrected, film_correction, film_pair, telling_seed
from drift.demo.plan import DemoPlan
from drift.demo.progress import episode_parts, learning_curve, progress_table
from drift.demo.record import DemoRecord, EpisodeRow
from drift.demo.report import summary, write_report
from drift.demo.words import kept, opening
from drift.driver_colours import rgb
from drift.picture.sheet import HEIGHT, WIDTH
from drift.run_folder import RunFolder
from drift.session_loop import TrainMode
from drift.simulation import make_shell
from drift_core.episodes import EpisodeStore, StepSource, relabel
from drift_core.policy.checkpoint import CheckpointInfo, checkpoint_path, save_checkpoint
from drift_core.policy.checkpoint_folder import write_latest
from drift_core.policy.policy import DiffusionPolicy
from drift_core.training.config import load_train_file
from drift_sim.environments.arm_cell import ArmCell
from drift_sim.shell import Shell


def record_of(rows: list[EpisodeRow]) -> DemoRecord:
    return DemoRecord("short", "panda", "place", 0, before=[False, True], after=[True, True], episodes=rows)


@pytest.fixture
def record() -> DemoRecord:
    """21 episodes of 6 s: a take-over of 4 labels in each of the first seven and in no other one."""
    return record_of(
        [
            EpisodeRow(
                f"e{n}",
                5000 + n,
                True,
                int(n < 7),
                40 * (n < 7),
                160,
                0,
                4 * (n < 7),
                1 + n // 3,
                5.0,
                6.0 * n + 6,
            )
            for n in range(21)
        ]
    )


def test_episodes_are_shown_in_parts_of_about_ten(record: DemoRecord) -> None:
    assert [len(part) for part in episode_parts(record)] == [11, 10]
    assert [len(part) for part in episode_parts(record_of(record.episodes[:3]))] == [3]
    assert episode_parts(record_of([])) == []


def test_the_learning_curve_says_what_the_policy_did_by_itself_over_labels_and_minutes(
    record: DemoRecord,
) -> None:
    first, second = learning_curve(record)
    assert first == {"episodes": 11, "labels": 28 / 2, "minutes": 66 / 120, "unaided": pytest.approx(4 / 11)}
    assert second == {"episodes": 21, "labels": 28, "minutes": (66 + 126) / 120, "unaided": 1.0}
    assert summary(record)["learning_curve"] == [first, second]
    assert figures.learning(record).count("<svg") == 2
    assert "<svg" in figures.interventions(record)


def test_the_table_names_versions_and_minutes(record: DemoRecord) -> None:
    _, first, second = progress_table(record)
    assert first == ["1–11", "100 %", "64 %", "16 %", "28", "1–4", "1.1"]
    assert second == ["12–21", "100 %", "0 %", "0 %", "0", "4–7", "2.1"]
    (_, only) = progress_table(record_of(record.episodes[:1]))
    assert (only[0], only[5]) == ("1", "1")


def test_the_film_shows_the_first_start_at_which_the_corrections_made_the_difference() -> None:
    assert telling_seed([7, 8, 9], [True, False, False], [True, True, True]) == 8
    assert telling_seed([7, 8], [True, False], [False, False]) is None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Shell[ArmCell]]]:
    """One episode of 0.8 s that the expert drives, called corrected, and a policy that knows nothing."""
    folder = tmp_path_factory.mktemp("run")
    shell = make_shell("panda", "place")
    writer = shell.writer(folder / "episodes", "m0", 3, "intervention")
    shell.run_episode(3, expert=shell.expert("demonstrate", 3), writer=writer, duration_s=0.8)
    relabel(folder / "episodes" / "m0", "success", None)
    recipe = load_train_file(config_file("train", "smoke"))
    policy = DiffusionPolicy(recipe.policy_config(shell.task, shell.environment.robot.n_joints))
    info = CheckpointInfo("place", "panda", 1, 0, 1.0, 1.0, 0, None, "untrained", 0.0)
    save_checkpoint(folder / "policy_000001.safetensors", policy, info)
    yield folder, shell
    shell.close()


def shortened(shell: Shell[ArmCell], monkeypatch: pytest.MonkeyPatch, success: bool) -> None:
    """Rollouts of the policy take 0.5 s and end as said."""
    whole = shell.run_episode

    def run_episode(seed: int, **how: Any) -> Any:
        result = whole(seed, **{"duration_s": 0.5, **how})
        return replace(result, success=success) if "policy" in how else result

    monkeypatch.setattr(shell, "run_episode", run_episode)


def test_the_film_shows_both_policies_side_by_side_and_how_they_ended(
    run: tuple[Path, Shell[ArmCell]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, shell = run
    shortened(shell, monkeypatch, success=False)
    policy, film = folder / "policy_000001.safetensors", tmp_path / "pair.mp4"
    film_pair(film, shell, policy, policy, "ddim-2", 8)
    pictures = frames(film)
    # 5 pictures, one more with the outcome, and 1.5 s of it
    assert len(pictures) == 6 + 15 + 1 and pictures[0].shape == (300 + 8, 2 * (400 + 8), 3)
    red, green, _ = pictures[-1][1, 10].astype(int)
    assert red > green + 50 and pictures[0][1, 10].min() > 200


def test_the_film_of_a_correction_goes_on_with_the_same_start_without_help(
    run: tuple[Path, Shell[ArmCell]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, shell = run
    episodes, policy = corrected(EpisodeStore(folder / "episodes")), folder / "policy_000001.safetensors"
    assert [episode.meta.id for episode in episodes] == ["m0"]
    shortened(shell, monkeypatch, success=False)
    assert not film_correction(tmp_path / "film.mp4", shell, episodes, policy, "ddim-2")
    assert not (tmp_path / "film.mp4").exists()
    monkeypatch.undo()
    shortened(shell, monkeypatch, success=True)
    assert film_correction(tmp_path / "film.mp4", shell, episodes, policy, "ddim-2")
    pictures = frames(tmp_path / "film.mp4")
    assert pictures[0].shape == (HEIGHT, WIDTH, 3) and 12 <= len(pictures) <= 16
    expert, alone = pictures[4][2:4, :5].mean(axis=(0, 1)), pictures[-2][2:4, :5].mean(axis=(0, 1))
    assert expert == pytest.approx(rgb(StepSource.EXPERT), abs=8), "the expert's colour"
    assert alone == pytest.approx(rgb(StepSource.POLICY), abs=8), "the policy's"


def frames(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_the_report_plays_what_was_filmed_and_nothing_else(record: DemoRecord, tmp_path: Path) -> None:
    for name in ("before_after.mp4", ""):
        record.film = name
        page = write_report(tmp_path, record, np.empty(0), 20.0).read_text()
        assert page.count("<video src='before_after.mp4' controls") == page.count("<video") == (name != "")


def test_a_demo_opens_with_what_will_happen_and_says_at_an_early_end_what_is_kept(
    record: DemoRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "42")
    plan = DemoPlan("r", "panda", "place", "demo", 0, 15, TrainMode.CONTINUOUS, 3, 44, 40, 0, True, False)
    said = opening(plan, tmp_path)
    assert "about 10 minutes on two idle cores" in said and "44 episodes with the whole stack" in said
    assert str(tmp_path) in said and "ROS_DOMAIN_ID=42" in said and "drift watch" in said
    for other in (replace(plan, episodes=3), replace(plan, task="insert")):
        assert "longer or shorter" in opening(other, tmp_path)
    record.demonstrations = 15
    run = RunFolder(tmp_path / "run")
    assert kept(record, run, "demo") == (
        "kept: 15 demonstrations, 21 corrected episodes, no policy yet; an episode that was under way is not"
        "\n"
        f"train on them: drift train --train demo --episodes {run.episodes} --checkpoints {run.checkpoints}"
    )
    write_latest(checkpoint_path(run.create().checkpoints, 7), "0" * 64, 7)
    assert "up to version 7; " in kept(record, run, "demo")
    assert f"drift up run:={run.path} train:=demo" in kept(record, run, "demo")
    (run.checkpoints / "LATEST").write_text("{}")  # it is not this that ends a run
    assert "no policy yet" in kept(record, run, "demo")
