"""`drift diagnose` on a small network and episodes of `fork`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from drift.cli import app
from drift.configuration import config_file
from drift.errors import UserError
from drift_core.arm import POINT
from drift_core.denoisers import MlpConfig
from drift_core.episodes import EpisodeMeta, EpisodeWriter, StepRecord, StepSource
from drift_core.errors import CheckpointError, DataError
from drift_core.policy.checkpoint import save_checkpoint
from drift_core.policy.checkpoint_folder import CheckpointInfo, checkpoint_path
from drift_core.policy.policy import DiffusionPolicy, PolicyConfig
from drift_core.task import load_task
from typer.testing import CliRunner

QUICK = ("--points", "2", "--every", "10", "--sampler-steps", "4", "--trial-steps", "3")


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Return a run of `fork`: one checkpoint of a random network, one episode of a straight line."""
    task = load_task(config_file("task", "fork"))
    torch.manual_seed(0)
    network = MlpConfig(width=16, blocks=1, step_dim=8)
    config = PolicyConfig(task.observation_spec(0), 2, "point", task.horizon, 4, None, network)
    info = CheckpointInfo(
        task="fork", robot=POINT, version=3, parent=0, rank=0.5, effective_rank=0.5, step=1,
        loss=None, reason="test", created_s=0.0,
    )  # fmt: skip
    path = checkpoint_path(tmp_path / "checkpoints", 3)
    path.parent.mkdir()
    save_checkpoint(path, DiffusionPolicy(config), info)
    write_episode(tmp_path / "episodes", "straight", "fork")
    return tmp_path


def write_episode(folder: Path, name: str, task: str) -> None:
    with EpisodeWriter(folder, EpisodeMeta(name, POINT, task, 0, "demonstration", (), 0.1, 0.0)) as writer:
        for step in range(40):
            place = np.array([0.02 * step, 0.1])
            now_s, due_s = step * 0.1, (step + 1) * 0.1
            writer.add_joints(place, 0.0, now_s, now_s)
            writer.add_step(
                StepRecord(due_s, step, StepSource.EXPERT, 1, 1, 0, 0, -1.0, place, place, place, 0)
            )
        writer.close("success")


def diagnose(*args: object) -> str:
    answer = CliRunner().invoke(
        app,
        ["diagnose", *map(str, args)],
    )
    if answer.exception is not None:
        raise answer.exception
    return answer.output


def test_an_episode_gives_a_page_without_network_and_its_numbers(run_folder: Path, tmp_path: Path) -> None:
    said = diagnose(run_folder, "--data", run_folder, "--out", tmp_path / "found", *QUICK)
    assert "asymmetry" in said and "diagnosis.html" in said
    found = json.loads((tmp_path / "found/diagnosis.json").read_text())
    assert (found["version"], found["episode"], found["dimensions"]) == (3, "straight", 32)
    assert len(found["asymmetry"]) == 9 and all(row["exact"] for row in found["asymmetry"])
    assert all(0.0 < row["asymmetry"] < 2.0 and row["points"] == 2 for row in found["asymmetry"])
    # 40 joint samples 0.1 s apart: an observation each, every tenth of them
    assert [round(row["time_s"], 6) for row in found["dimension"]] == [0.0, 1.0, 2.0, 3.0]
    assert all(len(row["found"]["singular_values"]) == 32 for row in found["dimension"])
    assert [trial["network"] for trial in found["trials"]] == ["mlp", "energy"]
    assert all(row["asymmetry"] < 1e-4 for row in found["trials"][1]["rows"])
    page = (tmp_path / "found/diagnosis.html").read_text()
    assert page.count("<svg") == 3
    loaded = re.findall(r"(?:src|href)\s*=\s*['\"](?!#)", page)
    assert not loaded and "<script" not in page and "@import" not in page


def test_without_data_a_blank_observation_is_diagnosed_and_the_same_seed_says_the_same(
    run_folder: Path, tmp_path: Path
) -> None:
    numbers = []
    for name in ("a", "b"):
        file = run_folder / "checkpoints/policy_000003.safetensors"
        diagnose(file, "--out", tmp_path / name, *QUICK[:-1], "0")
        numbers.append(json.loads((tmp_path / name / "diagnosis.json").read_text()))
    assert numbers[0] == numbers[1] and numbers[0]["episode"] == "" and numbers[0]["trials"] == []
    assert [row["driven"] for row in numbers[0]["dimension"]] == ["blank"]


def test_what_does_not_fit_is_refused_and_nothing_is_written(run_folder: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "found", *QUICK)
    with pytest.raises(UserError, match="episode=straight needs --data"):
        diagnose(run_folder, "--episode", "straight", *out)
    with pytest.raises(UserError, match="episode=bent must be one of the 1 in"):
        diagnose(run_folder, "--data", run_folder, "--episode", "bent", *out)
    with pytest.raises(UserError, match="sampler-steps=101 must be at most 100"):
        diagnose(run_folder, "--out", tmp_path / "found", "--sampler-steps", 101)
    with pytest.raises(UserError, match="must be a folder, or a new one in a folder that exists"):
        diagnose(run_folder, "--out", tmp_path / "no/where")
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        diagnose(tmp_path / "none.safetensors", *out)
    write_episode(tmp_path / "others", "place", "place")
    with pytest.raises(DataError, match="recorded elsewhere: task must be fork, got place"):
        diagnose(run_folder, "--data", tmp_path / "others", *out)
    assert not (tmp_path / "found").exists()
