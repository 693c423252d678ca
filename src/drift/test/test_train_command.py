"""`drift train` on episodes of which not all can be read, broken off by Ctrl-C and gone on with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from drift_core.episodes import held_out
from drift_core.policy.checkpoint import load_latest
from place_episodes import KEPT, record

PROGRAM = "from drift.cli import main; main()"
INTERRUPTED = f"""
import os, signal
from drift_core.training.trainer import Trainer

one_step = Trainer._one_step

def step_and_press_control_c(*args):
    made = one_step(*args)
    if made.round_step == 7:
        os.kill(os.getpid(), signal.SIGINT)
    return made

Trainer._one_step = step_and_press_control_c
{PROGRAM}
"""


@pytest.fixture
def episodes(tmp_path):
    for name in KEPT:
        assert not held_out(name)
        record(tmp_path / "episodes", name)
    return tmp_path / "episodes"


def train(tmp_path, checkpoints, steps, program=PROGRAM, dataset=None):
    words = ["train", "--episodes", "episodes", "--train", "smoke", "--checkpoints", checkpoints]
    if dataset is not None:
        words += ["--dataset", str(dataset), "--map", "map.yaml"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--steps", str(steps)],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_last_line_names_every_episode_that_is_left_out_with_its_reason(tmp_path, episodes):
    picture = episodes / "m0" / "camera_wrist.arrow"
    picture.write_bytes(picture.read_bytes()[:-50])
    (episodes / "m1" / "episode.json").write_text("")
    done = train(tmp_path, "c", 2)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert "version 1: 19 labels (0 of them idle)" in last
    assert re.search(
        r"left out: m0: .*camera_wrist.arrow: cannot be read.*left out: m1: .*episode.json", last
    )


def test_where_all_are_held_out_or_broken_it_says_so_in_one_line(tmp_path, episodes):
    for name in KEPT:
        (episodes / name / "episode.json").write_text("")
    record(episodes, "a")
    done = train(tmp_path, "c", 2)
    assert done.returncode == 2
    assert "held out, as one episode in ten is: a" in done.stderr
    assert all(f"{name}: " in done.stderr for name in KEPT)


def test_after_control_c_the_same_command_goes_on_to_the_result_of_an_uninterrupted_run(tmp_path, episodes):
    broken_off = train(tmp_path, "c", 20, INTERRUPTED)
    assert broken_off.returncode == 130
    said = " ".join(broken_off.stdout.split())
    assert "broken off at step 7 of 20, saved in c/paused_" in said
    assert said.endswith("; the same command goes on from there")
    assert [train(tmp_path, folder, 20).returncode for folder in ("c", "whole")] == [0, 0]
    names = ["LATEST", "policy_000001.json", "policy_000001.safetensors"]
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == names
    one, other = (load_latest(tmp_path / folder).policy.state_dict() for folder in ("c", "whole"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_it_trains_on_a_set_of_lerobot_alone(tmp_path):
    sets = Path(__file__).resolve().parents[2] / "drift_formats/test/data/lerobot_0_6_1"
    (tmp_path / "map.yaml").write_text(
        "joints: {feature: observation.state, entries: [0, 1, 2, 3, 4, 5, 6], scale: 0.017453292519943295}\n"
        "gripper: {feature: observation.state, entries: [7], scale: 0.0008}\n"
        "action_joints: {feature: action, entries: [0, 1, 2, 3, 4, 5, 6], scale: 0.017453292519943295}\n"
        "action_gripper: {feature: action, entries: [7], scale: 0.0008}\n"
        "cameras: {front: observation.images.top, wrist: observation.images.hand}\n"
    )
    done = train(tmp_path, "c", 2, dataset=sets)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "2 episodes of panda, place from" in said and "made to fit" in said
    # 12 rows at 30 Hz, the last action due at 0.4 s: labels at 0.0, 0.1, 0.2 and 0.3 s of either episode
    assert "version 1: 8 labels" in said
