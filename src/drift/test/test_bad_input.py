"""What people get wrong on the command line: one line with the value and what is allowed, exit code 2."""

import json
import os
import subprocess
import sys

import pytest


def drift(*words, cwd):
    program = "from drift.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(done, *texts):
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    for text in texts:
        assert text in done.stderr


@pytest.fixture
def episodes(tmp_path):
    """A folder with the description of one episode of `place` with the Panda; nothing reads further."""
    folder = tmp_path / "episodes" / "one"
    folder.mkdir(parents=True)
    meta = {
        "schema": 1,
        "id": "one",
        "robot": "panda",
        "task": "place",
        "seed": 0,
        "kind": "demonstration",
        "cameras": [{"name": name, "height": 64, "width": 64} for name in ("front", "wrist")],
        "dt_s": 0.1,
        "started_s": 0.0,
    }
    (folder / "episode.json").write_text(json.dumps(meta))
    return folder.parent


def test_episodes_of_another_task_or_robot_are_not_trained_on(episodes, tmp_path):
    common = ("train", "--episodes", str(episodes), "--checkpoints", "c")
    refused(
        drift(*common, "--task", "insert", cwd=tmp_path), "task=insert", "one is of robot=panda, task=place"
    )
    refused(drift(*common, "--robot", "ur5e", cwd=tmp_path), "robot=ur5e")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "cameras, said",
    [
        ([], "one has none"),
        ([("front", 64), ("side", 64)], "one has front 64x64, side 64x64"),
        ([("front", 64), ("wrist", 96)], "one has front 64x64, wrist 96x96"),
    ],
)
def test_episodes_of_other_cameras_are_not_trained_on(episodes, tmp_path, cameras, said):
    file = episodes / "one" / "episode.json"
    specs = [{"name": name, "height": size, "width": size} for name, size in cameras]
    file.write_text(json.dumps(json.loads(file.read_text()) | {"cameras": specs}))
    done = drift("train", "--episodes", str(episodes), "--checkpoints", "c", cwd=tmp_path)
    refused(done, "the cameras of task=place (front 64x64, wrist 64x64) must be among", said)


def test_a_folder_without_episodes_and_an_unknown_device_are_named(tmp_path, episodes):
    refused(drift("train", "--episodes", ".", "--checkpoints", "c", cwd=tmp_path), "episodes=.")
    device = drift(
        "train", "--episodes", str(episodes), "--checkpoints", "c", "--device", "tpu", cwd=tmp_path
    )
    refused(device, "device=tpu must be one of: cpu, cuda")


def test_a_file_where_a_folder_is_wanted_is_one_line(episodes, tmp_path):
    (tmp_path / "file").touch()
    refused(drift("train", "--episodes", str(episodes), "--checkpoints", "file", cwd=tmp_path), "file")
    refused(drift("up", "run:=file/x", cwd=tmp_path), "run=", "file/x must be a folder", "Not a directory")


def test_a_demo_stays_inside_its_folder(tmp_path):
    refused(drift("demo", "--name", "../escape", cwd=tmp_path), "name=../escape")
    assert list(tmp_path.iterdir()) == []
