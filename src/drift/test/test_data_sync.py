"""`drift data sync`: a store follows another one while that is recorded into, and while its disk is gone."""

import os
import signal
import subprocess
import sys
import threading
import time
from queue import Queue

import pytest
from drift.cli import app
from drift.errors import UserError
from drift_core.episodes import EpisodeStore
from place_episodes import record
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from trainer_node.jobs import Jobs
from trainer_node.ros.hand_out import serve_episodes
from typer.testing import CliRunner

LIMIT_S = 60.0


@pytest.fixture
def following(tmp_path):
    """`drift data sync --follow there here` with what it says, line by line."""
    (tmp_path / "there").mkdir()
    words = [sys.executable, "-c", "from drift.cli import main; main()", "data", "sync", "--follow"]
    process = subprocess.Popen(
        [*words, "there", "here", "--mb-s", "1"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    lines = Queue()
    listener = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True)
    listener.start()
    yield process, lines
    process.kill()
    process.wait()
    listener.join()


def test_it_follows_a_recorder_and_goes_on_after_the_disk_was_gone(tmp_path, following):
    process, lines = following
    there, here, away = tmp_path / "there", EpisodeStore(tmp_path / "here"), tmp_path / "away"
    assert lines.get(timeout=LIMIT_S) == "waiting: there holds no episode, or is not mounted\n"
    record(there, "m0")
    assert lines.get(timeout=LIMIT_S) == "it goes on\n"
    assert lines.get(timeout=LIMIT_S).startswith("1 episodes, 0 corrections")
    there.rename(away)
    assert lines.get(timeout=LIMIT_S) == "waiting: there is no folder, or not mounted\n"
    record(away, "m1")
    record(away, "m2")
    away.rename(there)
    assert lines.get(timeout=LIMIT_S) == "it goes on\n"
    assert lines.get(timeout=LIMIT_S).startswith("2 episodes, 0 corrections")
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT_S) == 130
    for name in ("m0", "m1", "m2"):
        assert here.meta(name).outcome == "success" and len(here.read(name).steps.stamp_s) == 100
        for path in (there / name).iterdir():
            assert (here.root / name / path.name).read_bytes() == path.read_bytes()


def test_one_that_is_killed_leaves_whole_episodes_only_and_the_next_one_goes_on(tmp_path):
    for number in range(8):
        record(tmp_path / "there", f"m{number}")
    words = [sys.executable, "-c", "from drift.cli import main; main()", "data", "sync", "there", "here"]
    slow = subprocess.Popen([*words, "--mb-s", "0.05"], cwd=tmp_path)
    here, end_s = EpisodeStore(tmp_path / "here"), time.monotonic() + LIMIT_S
    while not here.ids():
        assert time.monotonic() < end_s
        time.sleep(0.01)
    os.kill(slow.pid, signal.SIGKILL)
    slow.wait()
    come = here.ids()
    assert 0 < len(come) < 8 and all(len(here.read(name).steps.stamp_s) == 100 for name in come)
    done = CliRunner().invoke(app, ["data", "sync", str(tmp_path / "there"), str(tmp_path / "here")])
    assert done.exit_code == 0 and done.output.startswith(f"{8 - len(come)} episodes")
    assert len(here.ids()) == 8 and not here.open_ids()


def test_what_cannot_be_followed_is_refused(tmp_path):
    record(tmp_path / "there", "m0")
    for source, target, text in (("there", "there", "another store than"), ("none", "here", "a folder of")):
        done = CliRunner().invoke(app, ["data", "sync", str(tmp_path / source), str(tmp_path / target)])
        assert isinstance(done.exception, UserError) and text in str(done.exception)


def test_of_a_run_that_is_mounted_later_the_episodes_come_where_those_of_a_run_lie(tmp_path, following):
    _, lines = following
    assert lines.get(timeout=LIMIT_S) == "waiting: there holds no episode, or is not mounted\n"
    record(tmp_path / "run" / "episodes", "m0")
    (tmp_path / "there").rmdir()
    (tmp_path / "run").rename(tmp_path / "there")
    while not (said := lines.get(timeout=LIMIT_S)).startswith("1 episodes"):
        assert said in ("it goes on\n", "waiting: there is no folder, or not mounted\n")
    assert EpisodeStore(tmp_path / "here" / "episodes").ids() == ["m0"]
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["episodes"]


def test_a_folder_of_episodes_is_followed_by_a_run_as_it_is_and_the_other_way_round(tmp_path):
    record(tmp_path / "folder", "m0")
    record(tmp_path / "run" / "episodes", "m1")
    for source, target, ids in (
        ("folder", "new", ["m0"]),
        ("run", "new", ["m0", "m1"]),
        ("folder", "run", ["m0", "m1"]),
    ):
        done = CliRunner().invoke(app, ["data", "sync", str(tmp_path / source), str(tmp_path / target)])
        assert done.exit_code == 0
        root = tmp_path / target / "episodes" if target == "run" else tmp_path / target
        assert EpisodeStore(root).ids() == ids


def test_a_source_without_an_episode_is_said_and_the_target_is_not_made(tmp_path):
    (tmp_path / "there").mkdir()
    done = CliRunner().invoke(app, ["data", "sync", str(tmp_path / "there"), str(tmp_path / "here")])
    assert "there holds no episode, or is not mounted" in str(done.exception)
    assert not (tmp_path / "here").exists()


def test_with_ros_it_asks_the_recorder_of_a_namespace_and_waits_for_it(ros, tmp_path):
    words = [sys.executable, "-c", "from drift.cli import main; main()", "data", "sync", "--follow"]
    process = subprocess.Popen([*words, "ros:left", "here"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    record(tmp_path / "there", "m0")
    jobs, node, executor = Jobs(1, print), Node("trainer", namespace="/left"), SingleThreadedExecutor()
    executor.add_node(node)
    try:
        assert process.stdout.readline() == "waiting: the recorder is not there\n"
        serve_episodes(node, EpisodeStore(tmp_path / "there"), jobs)
        here, end_s = EpisodeStore(tmp_path / "here" / "episodes"), time.monotonic() + LIMIT_S
        while here.ids() != ["m0"]:
            assert time.monotonic() < end_s and process.poll() is None
            executor.spin_once(timeout_sec=0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
        said = process.stdout.read().splitlines()
        assert said[0] == "it goes on" and said[1].startswith("1 episodes, 0 corrections")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        executor.shutdown()
        jobs.close()
        node.destroy_node()
    for path in (tmp_path / "there" / "m0").iterdir():
        assert (here.root / "m0" / path.name).read_bytes() == path.read_bytes()
