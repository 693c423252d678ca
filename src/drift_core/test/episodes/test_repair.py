"""What was broken off or damaged is made whole up to what can be read; nothing else is deleted."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from drift_core.episodes import EpisodeMeta, EpisodeStore, EpisodeWriter, StepRecord, read_episode, sink
from drift_core.episodes.check import check_episode
from drift_core.episodes.repair import repair_store
from drift_core.observation.spec import CameraSpec

META = EpisodeMeta(
    id="e1", robot="panda", task="place", seed=7, kind="intervention", cameras=(CameraSpec("top", 8, 6),),
    dt_s=0.1, started_s=100.0,
)  # fmt: skip
FRAMES = np.random.default_rng(0).integers(0, 256, (100, 8, 6, 3), dtype=np.uint8)
FILES = ("steps.arrow", "joints.arrow", "camera_top.arrow")


def step(n):
    q = np.full(8, 0.01 * n)
    return StepRecord(100.0 + n / 50, n, 2, 1, 1, 0, 0, -1.0, q, q, np.full(10, 0.1 * n), 0)


def add(writer, begin, end):
    """Control steps and joints at 50 Hz, frames at 10 Hz."""
    for n in range(begin, end):
        writer.add_step(step(n))
        writer.add_joints(np.full(7, 0.01 * n), 0.04, 100.0 + n / 50, 5.0 + n / 50)
        if n % 5 == 0:
            writer.add_frame("top", FRAMES[n // 5], 100.0 + n / 50, 5.0 + n / 50)


@pytest.fixture
def store(tmp_path):
    return EpisodeStore(tmp_path)


def record(store, meta=META, steps=200):
    """A finished episode, in batches of one second."""
    writer = EpisodeWriter(store.root, meta)
    for second in range(steps // 50):
        add(writer, 50 * second, 50 * second + 50)
        writer.flush()
    return writer.close("success", 0.5)


def break_off(store, meta=META, steps=200):
    """What a killed recorder leaves: batches of one second, and no end."""
    path = record(store, meta, steps)
    part = path.rename(store.root / f".{meta.id}.part")
    description = json.loads((part / "episode.json").read_text())
    now = {
        "outcome": "unknown",
        "score": None,
        "files": [],
        "steps": 0,
        "expert_steps": 0,
        "interventions": 0,
    }
    (part / "episode.json").write_text(json.dumps(description | now))
    for file in FILES:
        cut(part / file, 12)  # in the directory at its end
    return part


def cut(path, size_bytes):
    path.write_bytes(path.read_bytes()[:-size_bytes])


def repair(store, dry_run=False):
    with store.claim():
        return list(repair_store(store, dry_run))


def tree(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def broken(folder):
    return [problem for problem in check_episode(folder) if problem.broken]


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[2])
from test_repair import META, add
from drift_core.episodes import EpisodeWriter

writer = EpisodeWriter(sys.argv[1], META)
add(writer, 0, 150)
writer.flush()
add(writer, 150, 170)
print("written", flush=True)
time.sleep(60.0)
"""


def test_of_a_killed_recorder_all_is_there_that_was_flushed(store):
    program = [sys.executable, "-c", KILLED, str(store.root), os.path.dirname(__file__)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    with store.claim():
        store.set_aside_parts()
    (done,) = repair(store)
    assert (done.name, done.place, done.whole) == ("e1", store.root / "e1", True)
    episode = store.read("e1")
    assert (len(episode.steps), len(episode.joints), len(episode.frames["top"])) == (150, 150, 30)
    np.testing.assert_array_equal(episode.frames["top"].image(29), FRAMES[29])
    meta = episode.meta
    assert (meta.outcome, meta.repaired) == ("unknown", "its recorder was broken off")
    assert (meta.steps, meta.expert_steps, meta.interventions) == (150, 150, 1)
    assert meta.duration_s == pytest.approx(149 / 50)
    assert broken(store.root / "e1") == []
    assert store.quarantine.entries() == [], "what was replaced is gone"
    assert repair(store) == []


def test_lost_chunks_cost_nothing_else(store):
    part = break_off(store)
    (part / "chunks.arrow").write_bytes(b"something else")
    (done,) = repair(store)
    assert done.whole and "chunks.arrow: nothing of it can be read" in done.text
    episode = store.read("e1")
    assert (len(episode.steps), len(episode.chunks)) == (200, 0)


def test_a_part_is_mended_in_its_place_too(store):
    break_off(store)
    assert [(done.name, done.whole) for done in repair(store)] == [("e1", True)]
    assert (store.ids(), store.open_ids(), len(store.read("e1").steps)) == (["e1"], [], 200)


@pytest.mark.parametrize("file", FILES)
def test_wherever_a_file_ends_its_whole_batches_are_there_and_nothing_else(store, file):
    rng = np.random.default_rng(0)
    part = break_off(store)
    whole = tree(part)
    size = len(whole[next(path for path in whole if path.name == file)])
    seen = set()
    for length in sorted(rng.integers(0, size, 12).tolist()):
        for path, content in whole.items():
            part.mkdir(exist_ok=True)
            (part / path).write_bytes(content[:length] if path.name == file else content)
        (done,) = repair(store)
        if not done.whole:
            assert (done.place / "reason.txt").exists() and file in done.text
            done.place.rename(store.root / f".{length}.aside")
            seen.add(0)
            continue
        episode = store.read("e1")
        rows = {"steps.arrow": episode.steps.seq, "joints.arrow": episode.joints.stamp_s}
        number = len(rows.get(file, episode.frames["top"].stamp_s))
        assert number % (10 if file.startswith("camera") else 50) == 0
        seen.add(number)
        assert episode.steps.seq.tolist() == list(range(len(episode.steps)))
        for n in range(len(episode.frames["top"])):
            np.testing.assert_array_equal(episode.frames["top"].image(n), FRAMES[n])
        store.delete("e1")
    assert len(seen) > 2


def test_an_image_that_is_damaged_is_left_out_and_the_original_is_kept_with_its_reason(store):
    path = record(store)
    file = path / "camera_top.arrow"
    content = bytearray(file.read_bytes())
    at = content.find(bytes(read_episode(path).frames["top"].encoded[20]))
    content[at + 40 : at + 60] = bytes(20)
    file.write_bytes(content)
    before = tree(path)
    (done,) = repair(store)
    assert done.text == "camera_top.arrow: 1 images cannot be decoded"
    episode = store.read("e1")
    assert len(episode.frames["top"]) == 39 and len(episode.steps) == 200
    np.testing.assert_array_equal(episode.frames["top"].image(20), FRAMES[21])
    assert (episode.meta.outcome, episode.meta.score) == ("success", 0.5), "it was judged"
    (original,) = store.quarantine.entries()
    kept = tree(original)
    reason = kept.pop(next(name for name in kept if name.name == "reason.txt"))
    assert kept == before and reason.decode() == f"replaced by {store.root / 'e1'}\n"
    assert broken(path) == [] and repair(store) == [], "and it is mended once"


def test_a_batch_that_is_damaged_costs_that_second_alone(store):
    path = record(store)
    file = path / "steps.arrow"
    content = bytearray(file.read_bytes())
    frames = [n for n in range(len(content)) if content[n : n + 4] == b"\x28\xb5\x2f\xfd"]  # of Zstandard
    at = frames[len(frames) // 3]  # in the second of four batches
    content[at : at + 8] = b"\xff" * 8
    file.write_bytes(content)
    (done,) = repair(store)
    assert done.text == "steps.arrow: 1 of 4 batches cannot be read"
    assert store.read("e1").steps.seq.tolist() == [*range(50), *range(100, 200)]


def test_a_lost_description_is_the_one_with_which_the_recording_began(store):
    path = record(store)
    (path / "episode.json").write_bytes(b"")
    (done,) = repair(store)
    assert done.whole
    meta = store.meta("e1")
    assert replace(meta, files=(), repaired="", duration_s=0.0) == replace(
        META, steps=200, expert_steps=200, interventions=1
    )


def test_an_episode_of_which_only_the_last_rename_failed_keeps_its_verdict(store):
    path = record(store)
    whole = tree(path)
    path.rename(store.root / ".e1.part")
    repair(store)
    meta = store.meta("e1")
    assert (meta.outcome, meta.score, meta.steps) == ("success", 0.5, 200)
    assert {name for name in tree(store.root / "e1")} == set(whole)


def test_what_cannot_be_mended_stays_in_quarantine_with_the_reason_and_is_never_deleted(store):
    part = break_off(store)
    (part / "steps.arrow").write_bytes(b"ARROW1\0\0")
    other = break_off(store, replace(META, id="e2"))
    (other / "steps.arrow").unlink()
    before = [tree(part), tree(other)]
    assert [done.whole for done in repair(store, dry_run=True)] == [False, False]
    assert [tree(part), tree(other)] == before
    for _ in range(2):
        first, second = repair(store)
        assert not first.whole and "steps.arrow: nothing of it can be read" in first.text
        assert not second.whole and "steps.arrow" in second.text
    for done, content in zip((first, second), before, strict=True):
        kept = tree(done.place)
        reason = kept.pop(next(name for name in kept if name.name == "reason.txt"))
        assert kept == content and reason.decode() == done.text + "\n"
    assert store.ids() == [] and store.open_ids() == []


def test_a_file_that_is_whole_and_another_than_it_was_is_not_trained_on_again(store):
    path = record(store)
    description = (path / "episode.json").read_text()
    digest = json.loads(description)["files"][1]["sha256"]
    (path / "episode.json").write_text(description.replace(digest, "0" * 64))
    before = tree(path)
    (done,) = repair(store)
    assert not done.whole
    assert done.text.endswith(
        "joints.arrow: other content than when it was finished, and nothing tells which rows"
    )
    assert before.items() <= tree(done.place).items() and store.ids() == []


def test_zero_control_steps_are_no_episode(store):
    writer = EpisodeWriter(store.root, META)
    writer.add_frame("top", FRAMES[0], 100.0, 5.0)
    writer.close("unknown")
    (done,) = repair(store)
    assert not done.whole and done.text.endswith("steps.arrow: no row of it was written whole")
    assert store.ids() == [] and done.place == store.quarantine.root / "e1"


def test_an_episode_of_that_name_is_not_replaced(store):
    break_off(store)
    with store.claim():
        store.set_aside_parts()
    record(store)
    (done,) = repair(store)
    assert not done.whole and "an episode of that id is in" in done.text
    assert store.meta("e1").outcome == "success"


def test_a_dry_run_says_the_same_and_changes_nothing(store):
    break_off(store)
    cut(record(store, replace(META, id="e2")) / "camera_top.arrow", 100)
    before = tree(store.root)
    said = [(done.name, done.place, done.whole, done.text) for done in repair(store, dry_run=True)]
    assert tree(store.root) == before
    assert [(done.name, done.place, done.whole, done.text) for done in repair(store)] == said
    assert [name for name, *_ in said] == ["e1", "e2"] and store.ids() == ["e1", "e2"]


def test_a_repair_for_which_there_is_no_room_changes_nothing(store, monkeypatch):
    break_off(store)
    before = tree(store.root)

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sink, "_write", full)
    with pytest.raises(OSError, match="No space left on device"):
        repair(store)
    assert tree(store.root) == before and [path.name for path in store.root.iterdir()] == [".e1.part"]


def test_a_repair_that_was_killed_is_begun_anew(store):
    break_off(store)
    (store.root / ".e1.repaired").mkdir()
    (store.root / ".e1.repaired" / "steps.arrow").write_bytes(b"half")
    assert repair(store)[0].whole and len(store.read("e1").steps) == 200
    assert sorted(path.name for path in store.root.iterdir()) == [".quarantine", "e1"]


def messages(path):
    """Where the batches of a file begin."""
    data = path.read_bytes()
    return [
        n
        for n in range(8, len(data), 8)
        if data[n : n + 4] == b"\xff" * 4 and data[n + 4 : n + 8] != bytes(4)
    ][1:]


@pytest.mark.parametrize("where", [0, 16])  # in the length of a batch, and in what is said of it
def test_zeros_within_a_file_that_was_broken_off_cost_that_batch_and_the_original_is_kept(store, where):
    part = break_off(store, steps=250)
    file = part / "joints.arrow"
    at = messages(file)[2] + where
    content = bytearray(file.read_bytes())
    content[at : at + 64] = bytes(64)
    file.write_bytes(content)
    (done,) = repair(store)
    lost_bytes = messages(file := store.quarantine.entries()[0] / "joints.arrow")
    assert done.whole and "its recorder was broken off; joints.arrow: " in done.text
    assert done.text.endswith(" bytes of it cannot be read") and file.read_bytes() == content
    assert str(lost_bytes[-2] - (at - where)) in done.text, "from its begin to that of the fourth"
    n = np.r_[0:100, 150:250]
    np.testing.assert_allclose(store.read("e1").joints.stamp_s, 100.0 + n / 50)


def test_more_than_a_batch_that_cannot_be_read_at_the_end_is_damage(store):
    part = break_off(store)
    file = part / "steps.arrow"
    last = messages(file)[3]
    content = file.read_bytes()[:last]
    file.write_bytes(content + bytes((2 << 20) + (65 << 10)))
    (done,) = repair(store)
    assert f"steps.arrow: {(2 << 20) + (65 << 10)} bytes of it cannot be read" in done.text
    assert len(store.read("e1").steps) == 150 and len(store.quarantine.entries()) == 1


def test_a_finished_episode_that_lost_the_end_of_a_file_was_not_broken_off_by_its_recorder(store):
    path = record(store)
    cut(path / "camera_top.arrow", 100)
    before = tree(path)
    (done,) = repair(store)
    assert done.text == "camera_top.arrow: its end is lost"
    (original,) = store.quarantine.entries()
    assert before.items() <= tree(original).items()
    assert store.meta("e1").outcome == "success"


@pytest.mark.parametrize("aside", [False, True])
def test_a_repair_that_is_killed_before_its_last_rename_hides_no_episode(store, monkeypatch, aside):
    break_off(store)
    if aside:
        with store.claim():
            store.set_aside_parts()
    rename = os.rename

    class KilledError(BaseException):
        pass

    def killed(source, target):
        if str(source).endswith(".repaired"):
            raise KilledError
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", killed)
        with pytest.raises(KilledError):
            repair(store)
    assert store.ids() == []
    assert [done.whole for done in repair(store)] == [True]
    assert len(store.read("e1").steps) == 200 and store.quarantine.entries() == []


def test_a_repair_that_is_killed_behind_its_last_rename_was_made(store):
    path = record(store)
    cut(path / "steps.arrow", 100)
    repair(store)
    reason = store.quarantine.entries()[0] / "reason.txt"
    reason.write_text(f"being {reason.read_text()}")
    assert repair(store) == []
