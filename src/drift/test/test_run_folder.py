"""Which folders may be a run, and what is in it already."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drift import run_folder
from drift.configuration import config_file, share_folder
from drift.errors import UserError
from drift.learning_files import check
from drift.run_folder import RunFolder
from drift.stack import stack
from drift.stack_arguments import StackArguments
from drift_config.errors import ConfigError
from drift_control.robot.robot import load_robot
from drift_core.episodes import EpisodeMeta, EpisodeWriter
from drift_core.policy.checkpoint import save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.policy.policy import DiffusionPolicy
from drift_core.task import load_task
from drift_core.training.config import load_train_file

SMOKE = config_file("train", "smoke")


@pytest.mark.parametrize("run", ["x" * 300, "/dev/null/run", "/proc/nothing"])
def test_a_run_that_cannot_be_made_is_refused_in_words(run: str) -> None:
    text = rf"^run={run} must be a folder that can be made: [A-Z][a-z ]+$"
    with pytest.raises(UserError, match=text):
        run_folder.named(run, "panda", "place").create()


def test_a_folder_of_other_things_is_no_run_and_nothing_is_written_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").touch()
    for folder in (share_folder() / "config", tmp_path):
        with pytest.raises(UserError, match=f"^run={folder} must be a run .*; {folder} holds other things"):
            stack(StackArguments(run=str(folder)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"run=. must be a run .* {tmp_path} holds"):
        run_folder.named(".", "panda", "place")
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_new_and_empty_folders_and_runs_are_taken(tmp_path: Path) -> None:
    run = run_folder.named(str(tmp_path / "a"), "panda", "place")
    assert str(run) == f"new run {tmp_path / 'a'}" and not run.path.exists()
    assert str(run_folder.named(str(tmp_path), "panda", "place")) == f"new run {tmp_path}"
    run.create()
    assert str(run_folder.named(str(run.path), "panda", "place")) == f"run {tmp_path / 'a'}"
    shutil.rmtree(run.episodes)  # drift train writes checkpoints alone
    assert str(run_folder.named(str(run.path), "panda", "place")) == f"run {tmp_path / 'a'}"


def record(run: RunFolder, robot: str, task: str) -> None:
    meta = EpisodeMeta("one", robot, task, 0, "demonstration", (), 0.1, 0.0)
    EpisodeWriter(run.episodes, meta).close("success")


def learn(run: RunFolder, robot: str, task: str) -> None:
    recipe, arm = load_train_file(SMOKE), load_robot(config_file("robot", "panda"))
    policy = DiffusionPolicy(recipe.policy_config(load_task(config_file("task", "place")), arm.n_joints))
    info = CheckpointInfo(task, robot, 1, 0, 1.0, 1.0, 1, None, "test", 0.0)
    save_checkpoint(checkpoint_path(run.checkpoints, 1), policy, info)


@pytest.mark.parametrize(("fill", "what"), [(record, "episodes"), (learn, "checkpoint")])
@pytest.mark.parametrize(("robot", "task"), [("ur5e", "place"), ("panda", "insert")])
def test_the_run_of_another_robot_or_task_is_refused(tmp_path: Path, fill, what, robot, task) -> None:
    run = RunFolder(tmp_path / "run").create()
    fill(run, robot, task)
    said = (
        f"run={run.path} has {what} of robot={robot} task={task} and cannot go on with robot=panda task=place"
    )
    with pytest.raises(ConfigError, match=said):
        stack(StackArguments(run=str(run.path)))
    check(SMOKE, run, robot, task)


def test_drift_up_does_not_keep_torch(tmp_path: Path) -> None:
    program = """
import sys
from drift.stack import stack
from drift.stack_arguments import StackArguments
from drift_config.errors import ConfigError
run = StackArguments(run=sys.argv[1])
stack(run)
print("torch" in sys.modules)
try:
    stack(StackArguments(run=sys.argv[2]))
except ConfigError as error:
    print(error)
"""
    run = RunFolder(tmp_path / "other").create()
    record(run, "ur5e", "place")
    command = [sys.executable, "-c", program, str(tmp_path / "run"), str(run.path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert said.startswith(f"False\nrun={run.path} has episodes of robot=ur5e task=place and cannot go on")
    assert said.count("\n") == 2
