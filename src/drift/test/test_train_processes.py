"""`drift train` in two processes of torchrun: the losses of one; killed, broken off, failing."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from drift.configuration import config_file
from drift_config.errors import ConfigError
from drift_control.robot.robot import load_robot
from drift_core.episodes import EpisodeStore
from drift_core.policy.checkpoint import load_latest
from drift_core.task import load_task
from drift_core.training.config import load_train_file
from drift_core.training.processes import Processes
from drift_core.training.rounds import Hooks, Rounds, train_round
from place_episodes import KEPT, record

STEPS = 20
# At step 12 something happens; the state is saved after every fifth step.
PROGRAM = """
import json, os, signal, sys
from drift_core.errors import DataError
from drift_core.policy.versions import Versions
from drift_core.training.rounds.saved import SavedRound
from drift_core.training.trainer import Trainer
from drift.cli import main

fate, losses = sys.argv.pop(1), sys.argv.pop(1)
rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
heard, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)
one_step, keep = Trainer._one_step, SavedRound.keep

def step(*args):
    made = one_step(*args)
    with open(f"{losses}_{rank}", "a") as file:
        print(json.dumps([attempt, made.step, made.loss, made.rank]), file=file)
    if made.step == 12 and fate == "control-c":
        if rank == 0:
            os.kill(os.getppid(), signal.SIGINT)
        os.read(heard, 1)
    if made.step == 12 and attempt == 0 and rank == 1:
        if fate == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fate == "fail":
            raise DataError("the disk of this machine is gone")
    return made

def keep_every_fifth(saved, state, hooks):
    if keep_every_fifth.calls % 5 == 4:
        keep(saved, state, hooks, now=True)
    keep_every_fifth.calls += 1

def no_room(*args):
    raise OSError(28, "No space left on device")

if fate == "full":
    Versions.save = no_room
keep_every_fifth.calls = 0
Trainer._one_step, SavedRound.keep = step, keep_every_fifth
main()
"""


def torchrun(folder, fate, *options):
    (folder / "program.py").write_text(PROGRAM)
    words = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *options]
    words += ["program.py", fate, f"losses_{fate}", *train_words(f"checkpoints_{fate}")]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    assert "RANK=" not in done.stderr, done.stderr
    return done


def train_words(checkpoints):
    words = ["train", "--episodes", "episodes", "--train", "smoke", "--checkpoints", checkpoints]
    return [*words, "--steps", str(STEPS)]


def losses(folder, fate, rank):
    """Return the losses [attempt][step] of a process, and the ranks by step."""
    lines = [json.loads(line) for line in (folder / f"losses_{fate}_{rank}").read_text().splitlines()]
    found = {attempt: {} for attempt, *_ in lines}
    for attempt, step, loss, _ in lines:
        found[attempt][step] = loss
    return found, {step: fraction for _, step, _, fraction in lines}


def rounds_in(folder, **options):
    return Rounds(
        load_robot(config_file("robot", "panda")),
        load_task(config_file("task", "place")),
        load_train_file(config_file("train", "smoke")),
        EpisodeStore(folder / "episodes"),
        folder / "alone",
        **options,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with episodes, the losses and the weights that one process comes to."""
    folder = tmp_path_factory.mktemp("processes")
    for name in KEPT:
        record(folder / "episodes", name)
    steps = []
    train_round(rounds_in(folder), "offline", Hooks(on_progress=steps.append), STEPS)
    return folder, [step.loss for step in steps], load_latest(folder / "alone").policy.state_dict()


def close(folder: Path, weights):
    found = load_latest(folder).policy.state_dict()
    return all(torch.allclose(found[name], value, atol=1e-4) for name, value in weights.items())


def test_one_that_is_killed_and_started_again_leads_to_the_losses_of_one_process(alone):
    folder, expected, weights = alone
    done = torchrun(folder, "kill", "--max-restarts", "1")
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        (before, after), fractions = losses(folder, "kill", rank)[0].values(), losses(folder, "kill", rank)[1]
        assert len(set(fractions.values())) >= 4, "the rank falls meanwhile"
        assert min(after) == 11, "the first step after the state of step 10"
        assert all(before[step] == after[step] for step in before.keys() & after.keys()), "to the bit"
        curve = before | after
        np.testing.assert_allclose([curve[step] for step in range(1, STEPS + 1)], expected, rtol=2e-5)
    assert close(folder / "checkpoints_kill", weights)
    assert sorted(path.name for path in (folder / "checkpoints_kill").iterdir()) == [
        "LATEST",
        "policy_000001.json",
        "policy_000001.safetensors",
    ]
    assert done.stdout.count("version 1: 57 labels") == 1, "said once"


def test_control_c_ends_all_with_the_state_whole_and_one_process_can_go_on(alone):
    folder, _, weights = alone
    done = torchrun(folder, "control-c")
    assert "broken off at step 12 of 20, saved in checkpoints_control-c/paused_" in done.stdout
    assert "error:" not in done.stderr and done.returncode != 0
    assert len(list((folder / "checkpoints_control-c").iterdir())) == 1
    words = [sys.executable, "-m", "drift.commands.train", *train_words("checkpoints_control-c")[1:]]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=120)
    assert close(folder / "checkpoints_control-c", weights)


def test_one_that_fails_ends_all_with_its_reason_and_its_number(alone):
    folder, *_ = alone
    done = torchrun(folder, "fail")
    assert done.returncode != 0 and max(losses(folder, "fail", 0)[0][0]) in (11, 12)
    said = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert said == ["error: process 1: the disk of this machine is gone"], done.stderr
    assert not (folder / "checkpoints_fail" / "LATEST").exists()


def test_a_disk_that_is_full_at_the_end_is_said_once_and_the_state_stays(alone):
    folder, *_ = alone
    done = torchrun(folder, "full")
    said = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    text = "error: process 0: cannot be written: [Errno 28] No space left on device"
    assert done.returncode != 0 and said == [text], done.stderr
    (state,) = (folder / "checkpoints_full").iterdir()
    assert state.name.startswith("resume_")


def test_what_all_refuse_is_said_once(alone):
    folder, *_ = alone
    words = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "-m",
        "drift.commands.train",
    ]
    words += [*train_words("checkpoints")[1:], "--kind", "continuous"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(said) == 1, done.stderr
    assert "kind=continuous must be offline or online in 2 processes" in said[0]


def test_more_processes_than_windows_in_a_batch_are_refused(alone):
    folder, *_ = alone
    many = Processes()
    many.count = 33
    with pytest.raises(ConfigError, match="batch_size=32 must be at least the number of processes, 33"):
        train_round(rounds_in(folder, processes=many), "offline", steps=STEPS)
