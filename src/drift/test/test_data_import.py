"""`drift data import`: what it says of a set with several tasks, and of what was dropped."""

import json
import re
from pathlib import Path

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeStore
from place_episodes import record
from typer.testing import CliRunner


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "200"})
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_of_a_set_with_two_tasks_one_is_read_and_what_was_dropped_stays_away(tmp_path: Path):
    for name, task in (("a", "place"), ("b", "insert"), ("c", "place")):
        record(tmp_path / "mine", name, task)
    run("data", "export", tmp_path / "mine", tmp_path / "set", "--format", "lerobot")
    words = ("data", "import", tmp_path / "set", tmp_path / "store")
    with pytest.raises(UserError, match="does not name one robot and one task as ours: say --task"):
        run(*words)
    said = run(*words, "--task", "place")
    assert "2 episodes of panda, place from" in said and ", 1 left out: of task insert" in said
    assert EpisodeStore(tmp_path / "store").ids() == ["a", "c"]
    run("data", "drop", tmp_path / "store", "a", "--yes")
    said = run(*words, "--task", "place")
    assert "0 episodes of panda, place from" in said and ", 1 were there already" in said
    assert ", 1 left out: dropped from the store before" in said
    assert EpisodeStore(tmp_path / "store").ids() == ["c"]


def test_of_a_robot_that_is_not_known_it_writes_what_is_to_be_filled_in(tmp_path: Path):
    record(tmp_path / "mine", "a", "place")
    run("data", "export", tmp_path / "mine", theirs := tmp_path / "theirs", "--format", "lerobot")
    info = json.loads((theirs / "meta/info.json").read_text()) | {"robot_type": "so100"}
    for name in [name for name in info["features"] if name.startswith("drift.")]:
        del info["features"][name]
    (theirs / "meta/info.json").write_text(json.dumps(info))
    words, folder = ("data", "import", theirs, tmp_path / "store"), tmp_path / "fill"
    remedy = (
        f"`drift data import {theirs} {tmp_path / 'store'} --templates FOLDER` writes the files to fill in"
    )
    with pytest.raises(
        UserError,
        match=re.escape(f"say --robot, --task; of a robot or a task that has no file here: {remedy}"),
    ):
        run(*words)
    with pytest.raises(UserError, match="robot=so100 must be one of: fr3, panda, .*; " + re.escape(remedy)):
        run(*words, "--robot", "so100", "--task", "place")
    said = run(*words, "--templates", folder)
    assert f"{folder / 'robot.yaml'}: it belongs to config/robots/so100.yaml, with its kinematics: " in said
    assert f"{folder / 'task.yaml'}: it belongs to config/tasks/theirs.yaml" in said
    assert f"{folder / 'map.yaml'}: it is given as --map" in said
    assert sorted(path.name for path in folder.iterdir()) == ["map.yaml", "robot.yaml", "task.yaml"]
    assert not (tmp_path / "store").exists()
    with pytest.raises(UserError, match="must hold no robot.yaml: it may be filled in already"):
        run(*words, "--templates", folder)
    run(*words, "--templates", tmp_path / "known", "--robot", "panda", "--task", "place")
    assert [path.name for path in (tmp_path / "known").iterdir()] == ["map.yaml"]


def test_what_is_read_is_of_one_task(tmp_path: Path):
    record(tmp_path / "mine", "a", "place")
    run("data", "export", tmp_path / "mine", tmp_path / "set", "--format", "lerobot")
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    for name in [name for name in info["features"] if name.startswith("drift.")]:
        del info["features"][name]
    (tmp_path / "set/meta/info.json").write_text(json.dumps(info))
    with pytest.raises(UserError, match=r"task=place\+insert must be"):
        run(
            *("data", "import", tmp_path / "set", tmp_path / "store"),
            *("--robot", "panda", "--task", "place+insert"),
        )
