"""The worker as a process: trains, is cancelled, is killed and goes on, ends with its parent."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from drift_core.policy.checkpoint import load_latest
from drift_core.training.provenance import load_provenance
from drift_core.training.rounds import ROUND_KINDS, train_round
from trainer_node.worker import clean_checkpoints, make_rounds
from trainer_node.worker_messages import (
    Announced,
    Failed,
    Failure,
    Finished,
    Preparing,
    ProgressMessage,
    Ready,
    TrainRequest,
    Waiting,
    Warned,
    WorkerJob,
    event_from_line,
)
from trainer_node.worker_process import RestartPolicy, WorkerProcess, worker_command, worker_environment

POLICY = RestartPolicy(first_wait_s=0.05, longest_wait_s=1.0, attempts=3, silence_s=60.0)


@pytest.fixture
def job(files, tmp_path):
    return WorkerJob(
        **files, log_folder=str(tmp_path / "tensorboard"), device="cpu", seed=0, threads=1, save_every_s=0.05,
        niceness=5,
    )  # fmt: skip


@pytest.fixture
def worker(job, record):
    for number in range(3):
        record(number)
    log: list[str] = []
    process = WorkerProcess(worker_command(job), worker_environment(), POLICY, log.append)
    process.log = log
    yield process
    process.stop(2.0)
    assert process.pid is None


# a worker whose encoder takes 0.4 s for each piece: 8 frames, or a held-out batch of 4 windows
SLOW_ENCODER = """
import time
from functools import partialmethod
from drift_core.data import training_data
from drift_core.data.dataset import WindowDataset
from drift_core.policy.policy import DiffusionPolicy
from trainer_node import worker
encode_frames = DiffusionPolicy.encode_frames
def slowly(*args):
    time.sleep(0.4)
    return encode_frames(*args)
DiffusionPolicy.encode_frames = slowly
WindowDataset.encode = partialmethod(WindowDataset.encode, frames_at_once=8)
training_data._HELD_OUT_BATCH = 4
worker.main()
"""


def poll_until(process, wanted, timeout_s=60.0) -> list:
    events, end_s = [], time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        for event in process.poll():
            events.append((time.monotonic(), event))
            if isinstance(event, wanted):
                return events
        time.sleep(0.01)
    raise AssertionError(f"no {wanted} within {timeout_s} s: {events[-5:]}, {process.log}")


def test_a_worker_trains_reports_announces_is_cancelled_and_stops(worker, job):
    worker.train(TrainRequest("r1", "offline"))
    events = poll_until(worker, (Finished, Failed))
    kinds = [type(event) for _, event in events]
    assert kinds[0] is Ready
    assert kinds[-2:] == [Announced, Finished]
    assert Preparing in kinds
    times = [(at_s, event) for at_s, event in events if isinstance(event, ProgressMessage)]
    assert times[-1][1].step == times[-1][1].total_steps == 60
    assert max((b - a for (a, _), (b, _) in zip(times, times[1:], strict=False)), default=0.0) < 1.0
    announced = events[-2][1]
    assert load_latest(Path(job.checkpoint_folder)).sha256 == announced.sha256
    assert events[-1][1].expert_labels == 3 * 19
    assert list(Path(job.log_folder).glob("events.out.tfevents.*"))

    worker.train(TrainRequest("r0", "nightly"))
    refused = poll_until(worker, (Finished, Failed, Preparing))[-1][1]
    assert (refused.failure, refused.text) == (
        Failure.UNKNOWN_KIND,
        f"kind='nightly' must be one of: {', '.join(ROUND_KINDS)}",
    )

    worker.train(TrainRequest("r2", "offline", steps=100_000))
    poll_until(worker, ProgressMessage)
    worker.cancel()
    assert poll_until(worker, (Finished, Failed))[-1][1].failure is Failure.CANCELLED

    worker.train(TrainRequest("r3", "online", steps=100_000))
    poll_until(worker, ProgressMessage)
    assert worker.log == []
    began_s = time.monotonic()
    worker.stop(2.0)
    assert time.monotonic() - began_s < 2.0

    # the next worker says what the first has made, and ends with its parent
    process = subprocess.Popen(worker_command(job), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert event_from_line(process.stdout.readline().decode()) == announced
    assert isinstance(event_from_line(process.stdout.readline().decode()), Ready)
    process.stdin.close()
    assert process.wait(10.0) == 0
    process.stdout.close()


def test_a_worker_deletes_what_one_before_has_left_half_written_but_not_what_the_policy_node_writes(job):
    folder = Path(job.checkpoint_folder)
    folder.mkdir()
    theirs = folder / ".ROLLED_BACK.12.tmp"
    for path in (theirs, folder / ".policy_000003.safetensors.11.tmp", folder / ".LATEST.11.tmp"):
        path.write_text("half")
    process = subprocess.run(worker_command(job), stdin=subprocess.DEVNULL, timeout=60.0)
    assert process.returncode == 0 and list(folder.glob(".*.tmp")) == [theirs]


def test_a_file_that_somebody_else_deletes_meanwhile_is_no_matter(tmp_path, monkeypatch):
    gone = tmp_path / ".LATEST.11.tmp"
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([gone]))
    clean_checkpoints(tmp_path)


def test_a_worker_killed_in_a_round_is_restarted_and_finishes_it(worker, job):
    worker.train(TrainRequest("r1", "offline", steps=400))
    folder = Path(job.checkpoint_folder)
    poll_until(worker, Ready)
    while not (folder / "resume_r1.safetensors").exists():
        worker.poll()
        time.sleep(0.01)
    reached = poll_until(worker, ProgressMessage)[-1][1].step
    os.kill(worker.pid, signal.SIGKILL)
    events = [event for _, event in poll_until(worker, (Finished, Failed))]
    assert isinstance(events[-1], Finished)
    assert any(isinstance(e, Preparing) and e.text.startswith("going on from step") for e in events)
    resumed = [e.step for e in events if isinstance(e, ProgressMessage) and e.step > 0]
    assert resumed[-1] == 400
    assert reached > 1
    assert "ended with code -9" in worker.log[0]
    assert load_latest(folder).info.step == 400
    names = ["LATEST", "policy_000001.json", "policy_000001.safetensors"]
    assert [path.name for path in sorted(folder.iterdir())] == names


def test_a_stream_announces_on_the_way_survives_kills_and_ends_with_a_version(worker, job, record):
    stream = "continuous: {steps_per_label: 20, candidate_steps: 100, candidate_s: 60, canary_tolerance: 1.0}"
    train_file = Path(job.train_file)
    train_file.write_text(f"{train_file.read_text()}\n{stream}\n")
    train_round(make_rounds(job), "offline", steps=20)
    worker.train(TrainRequest("s", "continuous"))
    poll_until(worker, Waiting)
    names = []
    for number in range(10, 13):
        names.append(record(number, kind="intervention", first_expert_step=50))  # 9 labels: 180 steps
        poll_until(worker, ProgressMessage)
        os.kill(worker.pid, signal.SIGKILL)
    versions, end_s = [], time.monotonic() + 60.0
    while time.monotonic() < end_s:
        events = [event for _, event in poll_until(worker, (Announced, Waiting))]
        versions += [event for event in events if isinstance(event, Announced)]
        if len(versions) > 1 and isinstance(events[-1], Waiting) and events[-1].steps == 0:
            break
    assert worker.log[0].startswith("the training worker ended with code -9: restart 1 in ")
    os.kill(worker.pid, signal.SIGKILL)  # while it rests
    events = [event for wanted in (Announced, Waiting) for _, event in poll_until(worker, wanted)]
    worker.cancel()
    events += [event for _, event in poll_until(worker, (Finished, Failed))]
    assert isinstance(events[-1], Finished), "cancelled with a version: that is no failure"
    assert [event for event in events if isinstance(event, Announced)] == versions[-1:], "said once"
    latest = load_latest(Path(job.checkpoint_folder))
    assert (latest.info.reason, latest.info.step) == ("continuous", 20 + 3 * 180), "each step was made once"
    path = Path(job.checkpoint_folder) / f"policy_{latest.info.version:06d}.safetensors"
    share = {c.episode_id: c.share for c in load_provenance(path).corrections}
    assert all(share[name] > 0.5 for name in names), "nothing was lost"


def test_a_wrong_file_is_said_and_the_worker_does_not_come_back(job):
    process = WorkerProcess(
        worker_command(replace(job, task_file="x")), worker_environment(), POLICY, lambda text: None
    )
    process.log = []
    process.train(TrainRequest("r1", "offline"))
    failed = poll_until(process, Failed)[-1][1]
    assert (failed.failure, failed.text) == (Failure.ERROR, "x: cannot be read: No such file or directory")
    process.stop(1.0)


def test_a_worker_on_a_full_disk_says_so_lives_and_trains_when_there_is_room_again(worker):
    poll_until(worker, Ready)
    pid = worker.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (100, before[1]))
    for round_id in ("r1", "r2"):  # at the second one TensorBoard has failed already
        worker.train(TrainRequest(round_id, "offline", 5))
        failed = poll_until(worker, (Finished, Failed))[-1][1]
        assert (failed.failure, failed.round_id) == (Failure.NOT_WRITTEN, round_id)
        assert "File too large" in failed.text
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    worker.train(TrainRequest("r3", "offline", 5))
    assert isinstance(poll_until(worker, (Finished, Failed))[-1][1], Finished)
    assert worker.pid == pid and worker.log == []


def test_an_episode_that_is_left_out_is_a_warning(worker, job):
    broken = next(Path(job.episode_folder).iterdir())
    (broken / "episode.json").write_text("")
    worker.train(TrainRequest("r1", "offline", 5))
    events = [event for _, event in poll_until(worker, (Finished, Failed))]
    assert events[-1].episodes == 2
    (warned,) = [event.text for event in events if isinstance(event, Warned)]
    assert warned.startswith(f"episode {broken.name} cannot be trained on: ") and "cannot be read" in warned


def test_a_worker_that_encodes_and_evaluates_for_longer_than_it_may_be_silent_is_left_alone(job, record):
    for number in range(3):
        record(number)
    for number in range(2):
        record(number, held_out=True)
    train_round(make_rounds(job), "offline", steps=2)
    log: list[str] = []
    command = [sys.executable, "-c", SLOW_ENCODER, *worker_command(job)[3:]]
    process = WorkerProcess(command, worker_environment(), replace(POLICY, silence_s=1.5), log.append)
    process.log = log
    poll_until(process, Ready)
    process.train(TrainRequest("r1", "online", 2))
    events = poll_until(process, (Finished, Failed))
    process.stop(2.0)
    assert isinstance(events[-1][1], Finished) and log == []
    for what, pieces in (("encoding frames: ", 8), ("evaluating on held-out windows, batch: ", 10)):
        said = [(at_s, e.text) for at_s, e in events if isinstance(e, Preparing) and e.text.startswith(what)]
        assert len(said) == pieces, "each piece takes longer than the time between two texts"
        assert said[-1][0] - said[0][0] > 1.5, "else nothing would have been killed"
    assert said[3][1] == "evaluating on held-out windows, batch: 3 of 10"
