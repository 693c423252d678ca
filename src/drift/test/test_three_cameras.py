"""A task with another set of cameras is one file: simulated, recorded, learned from, evaluated."""

from pathlib import Path

from drift.configuration import config_file
from drift.demo.offline import demonstrate
from drift.evaluation import Job, evaluate
from drift.simulation import make_shell
from drift_core.episodes import EpisodeStore, read_episode
from drift_core.policy.checkpoint import load_checkpoint
from drift_core.training.config import load_train_file
from drift_core.training.rounds import Rounds, train_round

CAMERAS = ["front", "side", "wrist"]


def test_three_cameras_are_recorded_learned_from_and_looked_at(tmp_path: Path) -> None:
    shell = make_shell("ur10e", "place_three_cameras")
    results = []
    demonstrate(shell, tmp_path / "episodes", [1, 2], results.append)
    shell.close()
    assert [result.success for result in results] == [True, True]
    episode = read_episode(results[0].path)
    assert sorted(episode.frames) == CAMERAS
    # One frame every 0.1 s from 0 on, of each camera: no two see the same.
    pictures = [list(episode.frames[camera].encoded) for camera in CAMERAS]
    assert {len(png) for png in pictures} == {len(pictures[0])}
    assert len({bytes(png[0]) for png in pictures}) == 3

    train_file = load_train_file(config_file("train", "smoke"))
    store = EpisodeStore(tmp_path / "episodes")
    rounds = Rounds(shell.environment.arm, shell.task, train_file, store, tmp_path / "checkpoints")
    made = train_round(rounds, "offline", steps=3)
    assert (made.info.robot, made.info.task, made.info.step) == ("ur10e", "place_three_cameras", 3)
    loaded = load_checkpoint(made.path)
    assert [camera.name for camera in loaded.policy.config.observation.cameras] == CAMERAS

    job = Job(made.path, "ur10e", "place_three_cameras", "ddim-2")
    (rollout,) = evaluate(job, [0], processes=1)
    assert 0.0 < rollout.duration_s <= shell.task.max_duration_s
