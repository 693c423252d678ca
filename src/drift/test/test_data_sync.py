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
    record(there, "m0")
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
